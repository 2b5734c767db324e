/* The hand-written counterpart of one compiled rule: what a careful C programmer would write who must
 * deliver the same: a dispatcher with a control word and a PROG_ARRAY for each hook, a scratch slot
 * claimed from a per-CPU bit word, the process table kept at fork, exec and exit with interned texts,
 * the same fields read, the same record, the same counters. The rule itself is an `if`.
 * Compiled with RULE_CONNECT or RULE_EXEC, and CPUS, the number of possible CPUs. */
#include "kernel.h"

enum {
	SLOTS = 8, PER_CPU = 4, COUNTERS = 12, LATCHES = 4096,
	PROCESSES = 32768, SHORT_MAX = 255, LONG_MAX = 4095, TEXTS = 4,
	PATH_ROOM = 4096, NAME_MAX = 255, STEPS = 192, CMDLINE_MAX = 32768, CHUNK = 4096,
	RECORD_TEXT = 24 * 1024,
};
enum { EVENTS, NO_POLICY, EMPTY_SLOT, NO_SCRATCH, RING_FULL, TABLE_FULL, STRINGS_FULL, UNREADABLE,
       PATH_TOO_LONG, RECORDS = 11 };
enum { ABSENT = 1, UNKNOWN = 2, TRUNCATED = 4 };
enum { EXE, CMDLINE, INVOKED, SCRIPT }; /* texts of a process */
/* numbers of a record */
enum { PID, PPID, START, UID, GID, EUID, CGROUP, IN_MEMORY, IP_HIGH, IP_LOW, PORT, PROTOCOL, FAMILY };
/* texts of a record: those of the process, then these */
enum { COMM = TEXTS, TTY, PARENT_EXE, PARENT_CMDLINE, VIEWS };

#define NETWORK 0x7f400000u /* 127.64.0.0/10 */
#define NETMASK 0xffc00000u
#define WATCHED_PORT 4444

struct text {
	u32 references, length;
	char data[LONG_MAX + 1 + 8];
};
struct identity {
	u64 id[2];
};
struct described {
	u32 flags, length;
};
struct process {
	u64 start;
	u32 pid, ppid;
	u64 parent_start;
	u32 flags, exe_name;
	struct described texts[TEXTS];
	struct identity ids[TEXTS];
	u64 device, inode, unused[6];
};
struct record {
	u16 kind, version;
	u32 length;
	u64 layout, time_ns, sequence;
	u32 generation, cpu;
	u16 event;
	u8 stage, actions;
	u16 rule_count, flags;
	u32 rules_more;
	u16 error;
	u64 unknown, absent;
	u32 rules[32];
	u64 numbers[48];
	struct {
		u32 at, length_flags;
	} views[16];
	char text[RECORD_TEXT + LONG_MAX + 1];
};
struct slot {
	struct record record;
	struct process process, parent;
	struct text texts[TEXTS];
	u32 flags[TEXTS], used;
	struct dentry *dentry;
	struct vfsmount *mount;
	struct task_struct *task;
	u64 position, name_length, base;
	u64 parent_pid, parent_start, id[2];
	char path[PATH_ROOM + 256];
	char more[CMDLINE_MAX];
};

MAP(control, ARRAY, 4, 64, 1);
MAP(secret, ARRAY, 4, 16, 1);
MAP(counters, PERCPU_ARRAY, 4, 8, COUNTERS);
MAP(scratch, ARRAY, 4, sizeof(struct slot), CPUS *PER_CPU);
MAP(scratch_bits, ARRAY, 4, 8, CPUS);
MAP(policy, ARRAY, 4, 16, 1);
MAP(rule_stats, ARRAY, 4, 32, 1);
MAP(processes, HASH, 4, sizeof(struct process), PROCESSES);
MAP(strings_short, HASH, 16, 8 + SHORT_MAX + 1, 32768);
MAP(strings_long, HASH, 16, 8 + LONG_MAX + 1, 4096);
MAP(exec_latch, HASH, 4, 8, LATCHES);
MAP(progs_connect4, PROG_ARRAY, 4, 4, SLOTS);
MAP(progs_fork, PROG_ARRAY, 4, 4, SLOTS);
MAP(progs_exec, PROG_ARRAY, 4, 4, SLOTS);
MAP(progs_exit, PROG_ARRAY, 4, 4, SLOTS);
struct {
	int (*type)[RINGBUF];
	int (*max_entries)[4 << 20];
} events SEC(".maps");
char _license[] SEC("license") = "Dual MIT/GPL";

/* ------------------------------------------------------------------ counters and scratch slots */

INLINE void count(u32 name)
{
	u64 *place = map_lookup(&counters, &name);
	if (place)
		__sync_fetch_and_add(place, 1);
}

INLINE struct slot *slot_at(u32 index)
{
	return map_lookup(&scratch, &index);
}

/* The slot's number + 1, or 0. */
INLINE u32 claim(void)
{
	u32 cpu = get_smp_processor_id();
	u64 *word = map_lookup(&scratch_bits, &cpu);
	if (!word)
		return 0;
#pragma unroll
	for (u32 bit = 0; bit < PER_CPU; bit++)
		if (!(__sync_fetch_and_or(word, 1ull << bit) & (1ull << bit)))
			return cpu * PER_CPU + bit + 1;
	count(NO_SCRATCH);
	return 0;
}

INLINE void release(u32 index)
{
	u32 cpu = index / PER_CPU;
	u64 *word = map_lookup(&scratch_bits, &cpu);
	if (word)
		__sync_fetch_and_and(word, ~(1ull << (index % PER_CPU)));
}

/* ------------------------------------------------------------------ interned texts */

INLINE void *find_text(u32 length, u64 *id)
{
	return length <= SHORT_MAX ? map_lookup(&strings_short, id) : map_lookup(&strings_long, id);
}

#define P0 0x9E3779B97F4A7C15ull
#define P1 0xC2B2AE3D27D4EB4Full

GLOBAL int hash_text(u32 index, u32 which)
{
	struct slot *s = slot_at(index);
	u32 zero = 0;
	u64 *key = map_lookup(&secret, &zero);
	if (!s || !key || which >= TEXTS)
		return 1;
	struct text *t = &s->texts[which];
	u32 length = t->length;
	u64 h0 = key[0] ^ length, h1 = key[1];
	for (u32 at = 0; at < LONG_MAX + 1; at += 8) {
		if (at >= length)
			break;
		u64 word = *(u64 *)(t->data + at);
		h0 = (h0 ^ word) * P0;
		h0 ^= h0 >> 29;
		h1 = (h1 + word) * P1;
		h1 ^= h1 >> 32;
	}
	h0 = (h0 ^ h1) * P1;
	s->id[0] = h0 ^ (h0 >> 32);
	s->id[1] = h1;
	return 0;
}

/* 1 if the table's text under the slot's id is the slot's. */
GLOBAL int same_text(u32 index, u32 which)
{
	struct slot *s = slot_at(index);
	if (!s || which >= TEXTS)
		return 0;
	struct text *t = &s->texts[which];
	u64 id[2] = { s->id[0], s->id[1] }, differing = 0;
	u32 length = t->length;
	if (length <= SHORT_MAX) {
		struct text *entry = map_lookup(&strings_short, id);
		if (!entry)
			return 0;
		for (u32 at = 0; at < SHORT_MAX + 1 && at < length; at += 8)
			differing |= *(u64 *)(entry->data + at) ^ *(u64 *)(t->data + at);
		return !differing && entry->length == length;
	}
	struct text *entry = map_lookup(&strings_long, id);
	if (!entry)
		return 0;
	for (u32 at = 0; at < LONG_MAX + 1 && at < length; at += 8)
		differing |= *(u64 *)(entry->data + at) ^ *(u64 *)(t->data + at);
	return !differing && entry->length == length;
}

/* Enter a text of the slot and take a reference; fills the description in the slot's process. */
GLOBAL int intern(u32 index, u32 which)
{
	struct slot *s = slot_at(index);
	if (!s || which >= TEXTS)
		return 0;
	struct described *d = &s->process.texts[which];
	struct identity *identity = &s->process.ids[which];
	u32 flags = s->flags[which];
	d->flags = flags;
	d->length = 0;
	identity->id[0] = identity->id[1] = 0;
	if (flags & (ABSENT | UNKNOWN))
		return 0;
	struct text *t = &s->texts[which];
	u32 length = t->length;
	if (length & 7) /* zero-padded, so that whole words can be hashed and compared */
		*(u64 *)(t->data + (length & (LONG_MAX - 7))) &= (1ull << (8 * (length & 7))) - 1;
	t->references = 1;
	hash_text(index, which);
	u64 id[2] = { s->id[0], s->id[1] };
	u32 *entry = find_text(length, id);
	long failed = 1;
	if (!entry) {
		failed = length <= SHORT_MAX ? map_update(&strings_short, id, t, BPF_NOEXIST)
					     : map_update(&strings_long, id, t, BPF_NOEXIST);
		if (failed)
			entry = find_text(length, id);
	}
	if (failed) {
		if (!entry || !same_text(index, which)) {
			count(STRINGS_FULL);
			d->flags = UNKNOWN;
			return 0;
		}
		__sync_fetch_and_add(entry, 1);
	}
	d->length = length;
	identity->id[0] = id[0];
	identity->id[1] = id[1];
	return 0;
}

INLINE void keep_text(struct described *d, struct identity *identity)
{
	if (d->flags & (ABSENT | UNKNOWN))
		return;
	u64 id[2] = { identity->id[0], identity->id[1] };
	u32 *entry = find_text(d->length, id);
	if (entry)
		__sync_fetch_and_add(entry, 1);
}

GLOBAL int drop_text(u32 length, u64 id0, u64 id1)
{
	u64 id[2] = { id0, id1 };
	if (!(id0 | id1))
		return 0;
	u32 *entry = find_text(length, id);
	if (!entry)
		return 0;
	__sync_fetch_and_add(entry, -1);
	if ((int)*entry <= 0) {
		if (length <= SHORT_MAX)
			map_delete(&strings_short, id);
		else
			map_delete(&strings_long, id);
	}
	return 0;
}

/* ------------------------------------------------------------------ facts about a task */

INLINE void read_ids(struct slot *s, struct task_struct *task)
{
	struct task_struct *leader = READ(task, group_leader);
	struct task_struct *parent = READ(READ(leader, real_parent), group_leader);
	u64 *numbers = s->record.numbers;
	numbers[PID] = READ(leader, tgid);
	numbers[START] = READ(leader, start_boottime);
	numbers[PPID] = s->parent_pid = READ(parent, tgid);
	s->parent_start = READ(parent, start_boottime);
}

INLINE int find_process(struct process *copy, u32 pid, u64 start)
{
	struct process *entry = map_lookup(&processes, &pid);
	if (entry && entry->start == start) {
		*copy = *entry;
		return 1;
	}
	copy->start = ~0ull;
#pragma unroll
	for (int i = 0; i < TEXTS; i++)
		copy->texts[i] = (struct described){ UNKNOWN, 0 };
	return 0;
}

INLINE void write_process(struct slot *s)
{
	struct process *p = &s->process;
	u32 pid = s->record.numbers[PID];
	p->pid = pid;
	p->start = s->record.numbers[START];
	p->ppid = s->parent_pid;
	p->parent_start = s->parent_start;
	if (map_update(&processes, &pid, p, BPF_ANY))
		count(TABLE_FULL);
}

/* ------------------------------------------------------------------ the alert record */

INLINE void pack(struct slot *s, u32 view, u32 length, u32 flags, const char *from)
{
	u32 at = s->used;
	s->record.views[view].at = at + __builtin_offsetof(struct record, text);
	HIDE(at);
	at &= 32767;
	if (at > RECORD_TEXT)
		return;
	if (flags & (ABSENT | UNKNOWN))
		length = 0;
	HIDE(length);
	length &= LONG_MAX;
	if (length)
		probe_read_kernel(s->record.text + at, length, from);
	s->record.views[view].length_flags = length | flags << 24;
	s->used = at + length;
}

INLINE void pack_stored(struct slot *s, u32 view, struct process *p, u32 which)
{
	u64 id[2] = { p->ids[which].id[0], p->ids[which].id[1] };
	struct described *d = &p->texts[which];
	u32 flags = d->flags;
	struct text *entry = 0;
	if (!(flags & (ABSENT | UNKNOWN))) {
		entry = find_text(d->length, id);
		if (!entry)
			flags = UNKNOWN;
	}
	pack(s, view, d->length, flags, entry ? entry->data : 0);
}

INLINE void pack_kernel(struct slot *s, u32 view, u32 room, const void *from)
{
	u32 at = s->used;
	s->record.views[view].at = at + __builtin_offsetof(struct record, text);
	HIDE(at);
	at &= 32767;
	if (at > RECORD_TEXT)
		return;
	long length = probe_read_kernel_str(s->record.text + at, room, from);
	u32 flags = 0;
	if (length <= 0) {
		count(UNREADABLE);
		flags = UNKNOWN;
		length = 1;
	}
	s->record.views[view].length_flags = (u32)(length - 1) | flags << 24;
	s->used = at + (u32)(length - 1);
}

/* The record of an alert; `fresh` if the slot's own texts are the process's. */
INLINE int alert(u32 index, int fresh)
{
	struct slot *s = slot_at(index);
	u32 zero = 0, records = RECORDS, cpu = get_smp_processor_id();
	u64 *stats = map_lookup(&rule_stats, &zero), *made = map_lookup(&counters, &records);
	u32 *generation = map_lookup(&policy, &zero);
	if (!s || !stats || !made || !generation)
		return 0;
	__sync_fetch_and_add(stats, 1);
	struct record *r = &s->record;
	struct task_struct *task = s->task, *leader = READ(task, group_leader);
	if (!fresh) {
		read_ids(s, task);
		find_process(&s->process, r->numbers[PID], r->numbers[START]);
		r->numbers[IN_MEMORY] = s->process.flags & 2;
	}
	find_process(&s->parent, s->parent_pid, s->parent_start);
	struct cred *cred = READ(task, cred);
	r->numbers[UID] = READ(cred, uid.val);
	r->numbers[GID] = READ(cred, gid.val);
	r->numbers[EUID] = READ(cred, euid.val);
	r->numbers[CGROUP] = READ(READ(READ(READ(task, cgroups), dfl_cgrp), kn), id);
	s->used = 0;
#pragma unroll
	for (int i = 0; i < TEXTS; i++) {
		if (fresh)
			pack(s, i, s->texts[i].length, s->flags[i], s->texts[i].data);
		else
			pack_stored(s, i, &s->process, i);
	}
	pack_kernel(s, COMM, 16, &leader->comm);
	struct tty_struct *tty = READ(READ(task, signal), tty);
	if (tty)
		pack_kernel(s, TTY, 64, &tty->name);
	else
		pack(s, TTY, 0, ABSENT, 0);
	pack_stored(s, PARENT_EXE, &s->parent, EXE);
	pack_stored(s, PARENT_CMDLINE, &s->parent, CMDLINE);
	r->kind = r->version = 1;
	r->layout = 0x0123456789abcdef;
	r->time_ns = ktime_get_boot_ns();
	r->cpu = cpu;
	r->generation = *generation;
	r->sequence = (u64)cpu << 48 | ++*made;
	r->event = 1;
	r->stage = 0;
	r->actions = 1;
	r->rule_count = 1;
	r->rules[0] = 0;
	r->flags = r->error = 0;
	r->rules_more = 0;
	u32 used = s->used;
	HIDE(used);
	used &= 32767;
	if (used > RECORD_TEXT)
		return 0;
	r->length = used + __builtin_offsetof(struct record, text);
	if (ringbuf_output(&events, r, used + __builtin_offsetof(struct record, text), 0))
		count(RING_FULL);
	return 0;
}

GLOBAL int alert_stored(u32 index) { return alert(index, 0); }
GLOBAL int alert_fresh(u32 index) { return alert(index, 1); }

/* ------------------------------------------------------------------ connect */

INLINE void judge_connect(struct slot *s, u32 index, struct sock_addr *ctx)
{
	u64 *numbers = s->record.numbers;
	u32 ip = __builtin_bswap32(ctx->user_ip4);
	u32 port = __builtin_bswap16(ctx->user_port);
	s->task = (void *)get_current_task();
	s->record.unknown = s->record.absent = 0;
	numbers[IP_HIGH] = 0;
	numbers[IP_LOW] = ip | 0xffffull << 32;
	numbers[PORT] = port;
	numbers[PROTOCOL] = ctx->protocol;
	numbers[FAMILY] = 4;
#ifdef RULE_CONNECT
	if (port == WATCHED_PORT && (ip & NETMASK) == NETWORK)
		alert_stored(index);
#endif
}

SEC("cgroup/connect4") int connect4(struct sock_addr *ctx)
{
	/* As bpfc's gate does: most events are ruled out by the port, before a slot is taken. */
#ifdef RULE_CONNECT
	if (__builtin_bswap16(ctx->user_port) != WATCHED_PORT) {
		count(EVENTS);
		return 1;
	}
#endif
	u32 claimed = claim();
	if (!claimed)
		return 1;
	struct slot *s = slot_at(claimed - 1);
	if (s) {
		count(EVENTS);
		judge_connect(s, claimed - 1, ctx);
	}
	release(claimed - 1);
	return 1;
}

/* ------------------------------------------------------------------ exec */

GLOBAL int walk_step(u32 index)
{
	struct slot *s = slot_at(index);
	if (!s)
		return 1;
	struct dentry *dentry = s->dentry;
	struct vfsmount *mount = s->mount;
	struct dentry *parent = READ(dentry, d_parent);
	if (dentry == READ(mount, mnt_root)) {
		u64 inside = __builtin_preserve_field_info(((struct mount *)0)->mnt, 0);
		struct mount *whole = (void *)mount - inside;
		struct mount *above = READ(whole, mnt_parent);
		s->dentry = READ(whole, mnt_mountpoint);
		s->mount = (void *)above + inside;
		return above == whole;
	}
	if (!dentry)
		return 1;
	u32 length = READ(dentry, d_name.len) & NAME_MAX;
	const char *name = READ(dentry, d_name.name);
	u64 position = s->position - length;
	if (position == 0 || position > PATH_ROOM) {
		s->position = 0;
		return 1;
	}
	if (!s->name_length)
		s->name_length = length;
	u32 at = position;
	HIDE(at);
	probe_read_kernel(s->path + (at & (PATH_ROOM - 1)), length, name);
	s->path[(at - 1) & (PATH_ROOM - 1)] = '/';
	s->position = position - 1;
	s->dentry = parent;
	return parent == dentry;
}

/* Where the last component of the script's text begins, into `base`. */
GLOBAL int find_base(u32 index)
{
	struct slot *s = slot_at(index);
	if (!s)
		return 0;
	u32 length = s->texts[SCRIPT].length;
	s->base = 0;
	for (u32 i = 0; i < PATH_ROOM && i < length; i++)
		if (s->texts[SCRIPT].data[i] == '/')
			s->base = i + 1;
	return 0;
}

INLINE void read_path(struct slot *s, u32 index, struct file *file)
{
	struct inode *inode = READ(file, f_inode);
	struct vfsmount *mount = READ(file, f_path.mnt);
	int hidden = (READ(mount, mnt_flags) & MNT_INTERNAL) && !READ(inode, i_nlink);
	s->record.numbers[IN_MEMORY] = hidden;
	s->process.inode = READ(inode, i_ino);
	s->process.device = READ(READ(inode, i_sb), s_dev);
	s->dentry = READ(file, f_path.dentry);
	s->mount = mount;
	s->position = PATH_ROOM;
	s->name_length = 0;
	int finished = 0;
	for (int i = 0; i < STEPS && !finished; i++)
		finished = walk_step(index);
	u32 at = s->position;
	s->flags[EXE] = 0;
	if (!finished || at == 0 || at >= PATH_ROOM) {
		count(PATH_TOO_LONG);
		s->flags[EXE] = UNKNOWN;
		return;
	}
	HIDE(at);
	at &= PATH_ROOM - 1;
	u32 length = (PATH_ROOM - at) & LONG_MAX;
	s->texts[EXE].length = length;
	probe_read_kernel(s->texts[EXE].data, length, s->path + at);
}

INLINE void read_names(struct slot *s, u32 index, struct linux_binprm *program)
{
	const char *name = READ(program, filename), *interpreter = READ(program, interp);
	struct text *script = &s->texts[SCRIPT], *invoked = &s->texts[INVOKED];
	long length = probe_read_kernel_str(script->data, LONG_MAX + 1, name);
	s->flags[SCRIPT] = s->flags[INVOKED] = 0;
	if (length <= 0) {
		count(UNREADABLE);
		s->flags[SCRIPT] = s->flags[INVOKED] = UNKNOWN;
		return;
	}
	script->length = length - 1;
	find_base(index);
	u32 base = s->base, size = (u32)(length - 1) - base;
	if (size > SHORT_MAX) {
		size = SHORT_MAX;
		s->flags[INVOKED] = TRUNCATED;
	}
	HIDE(base);
	HIDE(size);
	invoked->length = size & SHORT_MAX;
	probe_read_kernel(invoked->data, size & SHORT_MAX, script->data + (base & LONG_MAX));
	if (name == interpreter)
		s->flags[SCRIPT] = ABSENT;
}

INLINE void read_cmdline(struct slot *s, struct task_struct *task)
{
	struct mm_struct *mm = READ(task, mm);
	u64 start = READ(mm, arg_start), whole = READ(mm, arg_end) - start;
	struct text *t = &s->texts[CMDLINE];
	u64 length = whole > CMDLINE_MAX ? CMDLINE_MAX : whole;
	u32 first = length > LONG_MAX ? LONG_MAX : length;
	s->flags[CMDLINE] = whole > LONG_MAX ? TRUNCATED : 0;
	HIDE(first);
	first &= LONG_MAX;
	if (probe_read_user(t->data, first, (void *)start)) {
		count(UNREADABLE);
		s->flags[CMDLINE] = UNKNOWN;
		return;
	}
	for (u64 at = LONG_MAX; at < CMDLINE_MAX; at += CHUNK) {
		if (at >= length)
			break;
		u32 part = length - at > CHUNK ? CHUNK : length - at;
		HIDE(part);
		if (at + CHUNK <= CMDLINE_MAX)
			probe_read_user(s->more + at, part & (2 * CHUNK - 1), (void *)start + at);
	}
	u32 last = first - 1;
	HIDE(last);
	if (first && whole <= LONG_MAX && !t->data[last & LONG_MAX])
		first--;
	t->length = first;
}

GLOBAL int drop_texts(u32 pid)
{
	struct process *old = map_lookup(&processes, &pid);
	if (!old)
		return 0;
	struct described texts[TEXTS];
	struct identity ids[TEXTS];
	__builtin_memcpy(texts, old->texts, sizeof(texts));
	__builtin_memcpy(ids, old->ids, sizeof(ids));
#pragma unroll
	for (int i = 0; i < TEXTS; i++)
		drop_text(texts[i].length, ids[i].id[0], ids[i].id[1]);
	return 0;
}

SEC("raw_tp/sched_process_exec") int exec(struct raw_args *ctx)
{
	u32 claimed = claim(), index = claimed - 1;
	if (!claimed)
		return 0;
	struct slot *s = slot_at(index);
	if (!s)
		return 0;
	count(EVENTS);
	struct task_struct *task = (void *)ctx->args[0];
	struct linux_binprm *program = (void *)ctx->args[2];
	s->task = task;
	s->record.unknown = s->record.absent = 0;
	read_ids(s, task);
	read_path(s, index, READ(program, file));
	read_names(s, index, program);
	read_cmdline(s, task);
#pragma unroll
	for (u32 i = 0; i < TEXTS; i++)
		intern(index, i);
	s->process.flags = s->record.numbers[IN_MEMORY] ? 2 : 0;
	s->process.exe_name = s->name_length;
	drop_texts(s->record.numbers[PID]);
	write_process(s);
#ifdef RULE_EXEC
	/* The last component of the path, which ends where its room ends. */
	const u32 size = sizeof(WATCHED_NAME) - 1;
	if (!(s->flags[EXE] & UNKNOWN) && s->name_length == size) {
		u32 differing = 0;
#pragma unroll
		for (u32 i = 0; i < size; i++)
			differing |= s->path[PATH_ROOM - size + i] ^ WATCHED_NAME[i];
		if (!differing)
			alert_fresh(index);
	}
#endif
	release(index);
	return 0;
}

/* ------------------------------------------------------------------ fork and exit */

SEC("raw_tp/sched_process_fork") int fork(struct raw_args *ctx)
{
	struct task_struct *parent = (void *)ctx->args[0], *child = (void *)ctx->args[1];
	if (READ(child, pid) != READ(child, tgid))
		return 0;
	u32 claimed = claim(), index = claimed - 1;
	if (!claimed)
		return 0;
	struct slot *s = slot_at(index);
	if (!s)
		return 0;
	count(EVENTS);
	s->record.unknown = s->record.absent = 0;
	read_ids(s, parent);
	int found = find_process(&s->process, s->record.numbers[PID], s->record.numbers[START]);
	s->task = child;
	read_ids(s, child);
	if (found) {
#pragma unroll
		for (int i = 0; i < TEXTS; i++)
			keep_text(&s->process.texts[i], &s->process.ids[i]);
		write_process(s);
	}
	release(index);
	return 0;
}

SEC("raw_tp/sched_process_exit") int exit_(struct raw_args *ctx)
{
	u32 claimed = claim(), index = claimed - 1;
	if (!claimed)
		return 0;
	struct slot *s = slot_at(index);
	if (!s)
		return 0;
	count(EVENTS);
	struct task_struct *task = (void *)ctx->args[0];
	u32 thread = READ(task, pid);
	s->record.unknown = s->record.absent = 0;
	map_delete(&exec_latch, &thread);
	if (READ(READ(task, signal), live.counter) == 0) {
		read_ids(s, task);
		u32 pid = s->record.numbers[PID];
		int found = find_process(&s->process, pid, s->record.numbers[START]);
		if (!map_delete(&processes, &pid) && found) {
			struct process *p = &s->process;
#pragma unroll
			for (int i = 0; i < TEXTS; i++)
				if (!(p->texts[i].flags & (ABSENT | UNKNOWN)))
					drop_text(p->texts[i].length, p->ids[i].id[0],
						  p->ids[i].id[1]);
		}
	}
	release(index);
	return 0;
}

/* ------------------------------------------------------------------ dispatchers */

#define DISPATCHER(hook, section, context, neutral)                                                \
	SEC(section) int dispatch_##hook(context *ctx)                                             \
	{                                                                                          \
		u32 zero = 0;                                                                      \
		volatile u64 *place = map_lookup(&control, &zero);                                 \
		if (!place)                                                                        \
			return neutral;                                                            \
		u64 word = *place;                                                                 \
		tail_call(ctx, &progs_##hook, word & 0xff);                                        \
		count(word ? EMPTY_SLOT : NO_POLICY);                                              \
		return neutral;                                                                    \
	}

DISPATCHER(connect4, "cgroup/connect4", struct sock_addr, 1)
DISPATCHER(fork, "raw_tp/sched_process_fork", struct raw_args, 0)
DISPATCHER(exec, "raw_tp/sched_process_exec", struct raw_args, 0)
DISPATCHER(exit, "raw_tp/sched_process_exit", struct raw_args, 0)

/* ------------------------------------------------------------------ what accounting itself costs */

SEC("cgroup/connect4") int empty_connect4(struct sock_addr *ctx) { return 1; }
SEC("raw_tp/sched_process_fork") int empty_fork(struct raw_args *ctx) { return 0; }
SEC("raw_tp/sched_process_exec") int empty_exec(struct raw_args *ctx) { return 0; }
SEC("raw_tp/sched_process_exit") int empty_exit(struct raw_args *ctx) { return 0; }
