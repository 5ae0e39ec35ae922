/*
 * x86/hw/cpuid.c - CPUID: everything that KVM supports, with this CPU's place in the machine.
 */
#include "x86/hw/cpuid.h"

#include <errno.h>
#include <gio/gio.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>

#include "hw/util.h"

#define MAX_ENTRIES 4096u

enum {
	LEAF_VENDOR = 0,
	LEAF_FEATURES = 1,
	LEAF_CACHES = 4,
	LEAF_POWER = 6,
	LEAF_TOPOLOGY = 0xb,
	LEAF_TOPOLOGY_V2 = 0x1f,
	LEAF_AMD_FEATURES = 0x80000001,
	LEAF_AMD_SIZES = 0x80000008,
	LEAF_AMD_CACHES = 0x8000001d,
	LEAF_AMD_TOPOLOGY = 0x8000001e,
};

#define FEATURES_ECX_TSC_DEADLINE (1u << 24)
#define FEATURES_ECX_HYPERVISOR (1u << 31)
#define FEATURES_EDX_HTT (1u << 28)
#define POWER_ECX_EPB (1u << 3)
#define AMD_ECX_CMP_LEGACY (1u << 1)
#define VENDOR_EBX_AMD 0x68747541 /* "Auth" */
#define TOPOLOGY_SMT (1u << 8)	  /* level type, in ecx */
#define TOPOLOGY_CORE (2u << 8)

/* Bits that an APIC id needs for @n_cpus. */
static unsigned id_bits(unsigned n_cpus)
{
	return n_cpus > 1 ? g_bit_storage(n_cpus - 1) : 0;
}

static uint32_t set_bits(uint32_t word, unsigned low, unsigned high, uint32_t value)
{
	uint32_t mask = (uint32_t)((1ull << (high - low + 1)) - 1);

	return (word & ~(mask << low)) | MIN(value, mask) << low;
}

static void adjust_features(struct kvm_cpuid_entry2 *entry, unsigned apic_id, unsigned n_cpus,
			    bool tsc_deadline)
{
	entry->ebx = set_bits(entry->ebx, 24, 31, apic_id);
	entry->ebx = set_bits(entry->ebx, 16, 23, n_cpus);
	entry->ecx |= FEATURES_ECX_HYPERVISOR;
	if (tsc_deadline)
		entry->ecx |= FEATURES_ECX_TSC_DEADLINE;
	entry->edx &= ~FEATURES_EDX_HTT;
	if (n_cpus > 1)
		entry->edx |= FEATURES_EDX_HTT;
}

/* Intel's and AMD's cache leaves agree on who shares a cache: only the last level is shared. */
static void adjust_cache(struct kvm_cpuid_entry2 *entry, unsigned n_cpus)
{
	unsigned level = entry->eax >> 5 & 7;

	if ((entry->eax & 0x1f) == 0)
		return;
	entry->eax = set_bits(entry->eax, 14, 25, level >= 3 ? n_cpus - 1 : 0);
	if (entry->function == LEAF_CACHES)
		entry->eax = set_bits(entry->eax, 26, 31, n_cpus - 1);
}

static void adjust_entry(struct kvm_cpuid_entry2 *entry, unsigned apic_id, unsigned n_cpus,
			 bool tsc_deadline, bool is_amd)
{
	switch (entry->function) {
	case LEAF_FEATURES:
		adjust_features(entry, apic_id, n_cpus, tsc_deadline);
		break;
	case LEAF_CACHES:
	case LEAF_AMD_CACHES:
		adjust_cache(entry, n_cpus);
		break;
	case LEAF_POWER:
		/* Its MSR is not there. */
		entry->ecx &= ~POWER_ECX_EPB;
		break;
	case LEAF_AMD_FEATURES:
		entry->ecx &= ~AMD_ECX_CMP_LEGACY;
		if (is_amd && n_cpus > 1)
			entry->ecx |= AMD_ECX_CMP_LEGACY;
		break;
	case LEAF_AMD_SIZES:
		if (is_amd)
			entry->ecx = set_bits(set_bits(entry->ecx, 0, 7, n_cpus - 1), 12, 15,
					      id_bits(n_cpus));
		break;
	case LEAF_AMD_TOPOLOGY:
		entry->eax = apic_id;
		entry->ebx = apic_id; /* core id; one thread per core */
		entry->ecx = 0;	      /* node 0 of 1 */
		break;
	}
}

/* KVM repeats the host's topology leaves or leaves them empty, by version: drop them. */
static void drop_topology(struct kvm_cpuid2 *cpuid)
{
	unsigned n = 0;

	for (unsigned i = 0; i < cpuid->nent; i++) {
		uint32_t leaf = cpuid->entries[i].function;

		if (leaf != LEAF_TOPOLOGY && leaf != LEAF_TOPOLOGY_V2)
			cpuid->entries[n++] = cpuid->entries[i];
	}
	cpuid->nent = n;
}

static void add_topology(struct kvm_cpuid2 *cpuid, unsigned level, unsigned shift, unsigned count,
			 uint32_t type, unsigned apic_id)
{
	cpuid->entries[cpuid->nent++] = (struct kvm_cpuid_entry2){
		.function = LEAF_TOPOLOGY,
		.index = level,
		.flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		.eax = shift,
		.ebx = count,
		.ecx = type | level,
		.edx = apic_id,
	};
}

static const struct kvm_cpuid_entry2 *find(const struct kvm_cpuid2 *cpuid, uint32_t leaf)
{
	for (unsigned i = 0; i < cpuid->nent; i++) {
		if (cpuid->entries[i].function == leaf)
			return &cpuid->entries[i];
	}
	return NULL;
}

void cpuid_adjust(struct kvm_cpuid2 *cpuid, unsigned apic_id, unsigned n_cpus, bool tsc_deadline)
{
	const struct kvm_cpuid_entry2 *vendor = find(cpuid, LEAF_VENDOR);
	bool is_amd = vendor != NULL && vendor->ebx == VENDOR_EBX_AMD;
	bool has_topology = find(cpuid, LEAF_TOPOLOGY) != NULL;

	for (unsigned i = 0; i < cpuid->nent; i++)
		adjust_entry(&cpuid->entries[i], apic_id, n_cpus, tsc_deadline, is_amd);
	drop_topology(cpuid);
	if (!has_topology)
		return;
	add_topology(cpuid, 0, 0, 1, TOPOLOGY_SMT, apic_id);
	add_topology(cpuid, 1, id_bits(n_cpus), n_cpus, TOPOLOGY_CORE, apic_id);
}

static struct kvm_cpuid2 *get_supported(int kvm_fd, GError **error)
{
	for (unsigned n = 64; n <= MAX_ENTRIES; n *= 2) {
		g_autofree struct kvm_cpuid2 *cpuid =
			g_malloc0(sizeof(*cpuid) + (n + CPUID_EXTRA) * sizeof(cpuid->entries[0]));

		cpuid->nent = n;
		if (ioctl(kvm_fd, KVM_GET_SUPPORTED_CPUID, cpuid) == 0)
			return g_steal_pointer(&cpuid);
		if (errno != E2BIG)
			break;
	}
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "KVM_GET_SUPPORTED_CPUID: %s",
		    g_strerror(errno));
	return NULL;
}

bool cpuid_set_up(int kvm_fd, int vcpu_fd, unsigned apic_id, unsigned n_cpus, GError **error)
{
	g_autofree struct kvm_cpuid2 *cpuid = get_supported(kvm_fd, error);

	if (cpuid == NULL)
		return false;
	bool tsc_deadline = ioctl(kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER) > 0;
	cpuid_adjust(cpuid, apic_id, n_cpus, tsc_deadline);
	return VM_IOCTL(vcpu_fd, KVM_SET_CPUID2, cpuid, error) >= 0;
}
