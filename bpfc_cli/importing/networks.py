"""Networks of one family of addresses, as conditions."""

from ipaddress import IPv4Network, IPv6Network

from bpfc_cli.importing.conditions import All, Condition, Raw, Test

MAPPED = IPv6Network("::ffff:0:0/96")  # addresses of IPv4 as the language has them


def network_test(field: str, network: IPv4Network | IPv6Network) -> Condition:
    """Whether an address is in a network of its own family.

    Args:
        field: catalogue name of an address.
        network: any network.

    Returns:
        The condition.
    """
    test = Test(field, "==", (str(network),))
    if isinstance(network, IPv6Network) and network.supernet_of(MAPPED):
        is_ipv6 = Raw(f"{field} is_ipv6")
        return is_ipv6 if network.prefixlen == 0 else All((test, is_ipv6))
    return test
