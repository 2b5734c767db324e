"""Memory as disjoint regions: an address is a region's number in its upper half, an offset below.

Addresses of one region are 4 GiB apart from those of the next, so that no offset that a program can
compute by mistake reaches another region; a region is a buffer that ends where the memory ends.
"""

from bpfc.simulator.faults import Refusal

OFFSET_BITS = 32
OFFSET = (1 << OFFSET_BITS) - 1
# The first region's number: addresses that no ordinary number looks like, and that Python still
# keeps in two digits of its integers.
FIRST = 1 << 26
Buffer = bytearray | bytes


class Memory:
    """The regions of a machine.

    Attributes:
        regions: buffer by number; `bytes` where programs may not write.
        written: of stacks, by number: a byte for each one, not 0 once something was written.
    """

    def __init__(self) -> None:
        self.regions: dict[int, Buffer] = {}
        self.written: dict[int, bytearray] = {}
        self._next = FIRST

    def reserve(self, count: int) -> int:
        """Set numbers aside.

        Args:
            count: how many.

        Returns:
            The first one.
        """
        first = self._next
        self._next += count
        return first

    def add(self, buffer: Buffer) -> int:
        """Make a region.

        Args:
            buffer: what stands in it.

        Returns:
            Its address.
        """
        number = self._next
        self._next += 1
        self.regions[number] = buffer
        return number << OFFSET_BITS

    def add_stack(self, size: int) -> int:
        """Make a region of which must be written what is read; returns its address."""
        address = self.add(bytearray(size))
        self.written[address >> OFFSET_BITS] = bytearray(size)
        return address

    def drop(self, address: int) -> None:
        """Take a region away: what still points to it points nowhere."""
        self.regions.pop(address >> OFFSET_BITS, None)
        self.written.pop(address >> OFFSET_BITS, None)

    def place(self, address: int, size: int, write: bool) -> tuple[Buffer, int]:
        """The buffer and the offset of bytes.

        Args:
            address: of the first byte.
            size: how many.
            write: whether they are to be written.

        Raises:
            Refusal: they are not all of one region, or must not be written.
        """
        buffer, offset = self.regions.get(address >> OFFSET_BITS), address & OFFSET
        if buffer is None:
            raise Refusal(f"{size} bytes at {address:#x}, where no memory is")
        if offset + size > len(buffer):
            raise Refusal(f"{size} bytes at offset {offset} of a region of {len(buffer)} bytes")
        if write and isinstance(buffer, bytes):
            raise Refusal("memory that programs may only read is written")
        return buffer, offset

    def has(self, address: int, size: int) -> bool:
        """Whether bytes are all of one region."""
        buffer = self.regions.get(address >> OFFSET_BITS)
        return buffer is not None and (address & OFFSET) + size <= len(buffer)

    def read(self, address: int, size: int) -> bytes:
        """Bytes.

        Raises:
            Refusal: they are not all of one region, or of the stack and were never written.
        """
        buffer, offset = self.place(address, size, False)
        written = self.written.get(address >> OFFSET_BITS)
        if written is not None and 0 in written[offset : offset + size]:
            place = offset - len(buffer)
            raise Refusal(f"{size} bytes of the stack at r10{place}, where nothing was written")
        return bytes(buffer[offset : offset + size])

    def write(self, address: int, data: bytes) -> None:
        """Write bytes.

        Raises:
            Refusal: they are not all of one region, or must not be written.
        """
        buffer, offset = self.place(address, len(data), True)
        assert isinstance(buffer, bytearray)
        written = self.written.get(address >> OFFSET_BITS)
        if written is not None:
            written[offset : offset + len(data)] = b"\1" * len(data)
        buffer[offset : offset + len(data)] = data
