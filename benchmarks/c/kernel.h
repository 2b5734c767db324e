/* What sensor.c needs of the kernel: helpers, map declarations and structure fragments for CO-RE.
 * Numbers from include/uapi/linux/bpf.h; members from the kernel headers that kernel.py of the
 * compiler's Linux target names. Self-contained: clang alone compiles it. */
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long s64;

#define SEC(name) __attribute__((section(name), used))
#define INLINE static inline __attribute__((always_inline))
/* Verified once for all callers; the only shape in which long loops pass on every kernel. */
#define GLOBAL __attribute__((noinline))
#define CORE __attribute__((preserve_access_index))

enum { ARRAY = 2, PROG_ARRAY = 3, HASH = 1, PERCPU_ARRAY = 6, RINGBUF = 27 };
enum { BPF_ANY = 0, BPF_NOEXIST = 1 };

#define MAP(map, kind, keys, values, entries)                                                      \
	struct {                                                                                   \
		int (*type)[kind];                                                                 \
		int (*key_size)[keys];                                                             \
		int (*value_size)[values];                                                         \
		int (*max_entries)[entries];                                                       \
	} map SEC(".maps")

static void *(*map_lookup)(void *map, const void *key) = (void *)1;
static long (*map_update)(void *map, const void *key, const void *value, u64 flags) = (void *)2;
static long (*map_delete)(void *map, const void *key) = (void *)3;
static u32 (*get_smp_processor_id)(void) = (void *)8;
static long (*tail_call)(void *ctx, void *map, u32 index) = (void *)12;
static u64 (*get_current_task)(void) = (void *)35;
static long (*probe_read_user)(void *to, u32 size, const void *from) = (void *)112;
static long (*probe_read_kernel)(void *to, u32 size, const void *from) = (void *)113;
static long (*probe_read_kernel_str)(void *to, u32 size, const void *from) = (void *)115;
static u64 (*ktime_get_boot_ns)(void) = (void *)125;
static long (*ringbuf_output)(void *ring, void *data, u64 size, u64 flags) = (void *)130;

/* struct bpf_sock_addr, include/uapi/linux/bpf.h */
struct sock_addr {
	u32 user_family, user_ip4, user_ip6[4], user_port, family, type, protocol;
};
struct raw_args {
	u64 args[3];
};

struct kuid { u32 val; } CORE;
struct cred { struct kuid uid, gid, euid; } CORE;
struct kernfs_node { u64 id; } CORE;
struct cgroup { struct kernfs_node *kn; } CORE;
struct css_set { struct cgroup *dfl_cgrp; } CORE;
struct counter { int counter; } CORE;
struct tty_struct { char name[64]; } CORE;
struct signal_struct { struct counter live; struct tty_struct *tty; } CORE;
struct super_block { u32 s_dev; } CORE;
struct inode { u32 i_nlink; u64 i_ino; struct super_block *i_sb; } CORE;
struct qstr { u32 len; const char *name; } CORE;
struct dentry { struct dentry *d_parent; struct qstr d_name; } CORE;
struct vfsmount { struct dentry *mnt_root; int mnt_flags; } CORE;
struct mount { struct mount *mnt_parent; struct dentry *mnt_mountpoint; struct vfsmount mnt; } CORE;
struct path { struct vfsmount *mnt; struct dentry *dentry; } CORE;
struct file { struct path f_path; struct inode *f_inode; } CORE;
struct mm_struct { u64 arg_start, arg_end; } CORE;
struct linux_binprm { struct file *file; const char *filename, *interp; } CORE;
struct task_struct {
	u32 pid, tgid;
	struct task_struct *real_parent, *group_leader;
	struct mm_struct *mm;
	struct signal_struct *signal;
	struct cred *cred;
	struct css_set *cgroups;
	u64 start_boottime;
	char comm[16];
} CORE;
enum { MNT_INTERNAL = 0x4000 };

#define READ(from, member)                                                                         \
	({                                                                                         \
		typeof((from)->member) value_ = 0;                                                 \
		probe_read_kernel(&value_, sizeof(value_), &(from)->member);                       \
		value_;                                                                            \
	})
/* Keeps a bound that the verifier must see from being optimised away. */
#define HIDE(value) asm volatile("" : "+r"(value))
