/*
 * arm/cpu/walk.c - page walks. See walk.h.
 *
 * All granules are the same loop over 8-byte descriptors; they differ in the sizes that a Half
 * holds, and in where the bits of an address above 47 are kept.
 */
#include "arm/cpu/walk.h"
#include "arm/cpu/bits.h"

/* In a table descriptor, for all below it. */
#define TABLE_PXN (1ull << 59)
#define TABLE_UXN (1ull << 60)
#define TABLE_NO_USER (1ull << 61)
#define TABLE_READ_ONLY (1ull << 62)

#define LAST_LEVEL 3

/* What TCR and TTBR say about the half of the address space that an address is in. */
typedef struct Half {
	unsigned granule; /* log2 of the page size: 12, 14, 16; 0: a reserved value */
	unsigned va_bits;
	unsigned pa_bits;
	bool high; /* the half of TTBR1 */
	bool tagged;
	bool off;	 /* EPD */
	bool flat;	 /* HPD: tables do not limit what is below them */
	bool wide_64k;	 /* FEAT_LPA: bits 51:48 of an address are in bits 15:12 */
	bool wide_small; /* TCR.DS: bits 51:50 are in bits 9:8 */
	uint64_t ttbr;
} Half;

static unsigned field(uint64_t value, unsigned low, unsigned bits)
{
	return value >> low & ((1u << bits) - 1);
}

static uint64_t low_bits(unsigned n)
{
	return (1ull << n) - 1;
}

/* Of TCR.IPS, TCR_EL2.PS and ID_AA64MMFR0.PARange. */
static unsigned physical_bits(unsigned code)
{
	static const uint8_t bits[8] = {32, 36, 40, 42, 44, 48, 52, 52};

	return bits[code & 7];
}

static unsigned root_pa_bits(const ArmRoot *root)
{
	return physical_bits(field(root->mmfr0, 0, 4) > 6 ? 6 : field(root->mmfr0, 0, 4));
}

ArmRegime arm_regime(unsigned el, uint64_t hcr)
{
	bool host = (hcr & ARM_HCR_E2H) && (hcr & ARM_HCR_TGE);

	if (el == 2)
		return hcr & ARM_HCR_E2H ? ARM_REGIME_EL2 : ARM_REGIME_EL2_ALONE;
	if (host)
		return ARM_REGIME_EL2;
	return hcr & ARM_HCR_VM ? ARM_REGIME_NESTED : ARM_REGIME_EL1;
}

static bool has_one_range(const ArmRoot *root)
{
	return root->mode & ARM_ROOT_ONE_RANGE;
}

/* TG0 and TG1 number the same granules differently. */
static unsigned granule_bits(unsigned tg, bool high)
{
	static const uint8_t tg0[4] = {12, 16, 14, 0}, tg1[4] = {0, 14, 12, 16};

	return high ? tg1[tg] : tg0[tg];
}

/* Can this granule have 52-bit addresses by TCR.DS (ID_AA64MMFR0.TGran4 and TGran16)? */
static bool has_lpa2(const ArmRoot *root, unsigned granule)
{
	return (granule == 12 && field(root->mmfr0, 28, 4) == 1) ||
	       (granule == 14 && field(root->mmfr0, 20, 4) == 2);
}

static unsigned input_bits(const ArmRoot *root, const Half *half, unsigned tsz)
{
	bool has_small_tables = field(root->mmfr2, 28, 4);
	bool has_lva = half->granule == 16 && field(root->mmfr2, 16, 4);
	unsigned min = half->wide_small || has_lva ? 12 : 16;
	unsigned max = !has_small_tables ? 39 : half->granule == 16 ? 47 : 48;

	return 64 - (tsz < min ? min : tsz > max ? max : tsz);
}

static unsigned output_bits(const ArmRoot *root, unsigned ps)
{
	unsigned bits = physical_bits(ps), limit = root_pa_bits(root);

	return bits < limit ? bits : limit;
}

static Half get_half(const ArmRoot *root, uint64_t addr)
{
	bool one = has_one_range(root);
	bool high = !one && addr >> 55 & 1;
	uint64_t tcr = root->tcr;
	Half half = {
		.granule = granule_bits(field(tcr, high ? 30 : 14, 2), high),
		.high = high,
		.tagged = field(tcr,
				one    ? 20
				: high ? 38
				       : 37,
				1),
		.off = !one && field(tcr, high ? 23 : 7, 1),
		.flat = field(tcr,
			      one    ? 24
			      : high ? 42
				     : 41,
			      1),
		.ttbr = high ? root->ttbr1 : root->ttbr0,
	};

	half.wide_64k = half.granule == 16 && root_pa_bits(root) == 52;
	half.wide_small = field(tcr, one ? 32 : 59, 1) && has_lpa2(root, half.granule);
	half.va_bits = input_bits(root, &half, field(tcr, high ? 16 : 0, 6));
	half.pa_bits = output_bits(root, field(tcr, one ? 16 : 32, 3));
	return half;
}

/* Are the bits above the input size, and below a tag, what they are in all of this half? */
static bool is_in_range(const Half *half, uint64_t addr)
{
	unsigned top = half->tagged ? 56 : 64;
	uint64_t sign = half->high ? ~0ull : 0;

	return (addr ^ sign) << (64 - top) >> (64 - top) >> half->va_bits == 0;
}

static unsigned level_shift(const Half *half, int level)
{
	return half->granule + (half->granule - 3) * (LAST_LEVEL - level);
}

static int first_level(const Half *half)
{
	unsigned stride = half->granule - 3;

	return LAST_LEVEL + 1 - (int)((half->va_bits - half->granule + stride - 1) / stride);
}

static bool is_block_level(const Half *half, int level)
{
	if (half->granule == 12)
		return level >= (half->wide_small ? 0 : 1);
	return level >= (half->wide_small || half->wide_64k ? 1 : 2);
}

static uint64_t descriptor_address(const Half *half, uint64_t desc)
{
	unsigned top = half->wide_small ? 50 : 48;
	uint64_t addr = desc & low_bits(top) & ~low_bits(half->granule);

	if (half->wide_small)
		addr |= (desc >> 8 & 3) << 50;
	if (half->wide_64k)
		addr |= (desc >> 12 & 0xf) << 48;
	return addr;
}

/* How much of a virtual address indexes the first table. */
static unsigned first_index_bits(const Half *half)
{
	return half->va_bits - level_shift(half, first_level(half));
}

static uint64_t first_table(const Half *half)
{
	unsigned align = first_index_bits(half) + 3;
	uint64_t addr = half->ttbr & low_bits(48) & ~1ull;

	if (half->wide_small || (half->wide_64k && half->pa_bits == 52)) {
		addr |= (half->ttbr >> 2 & 0xf) << 48;
		align = align < 6 ? 6 : align;
	}
	return addr & ~low_bits(align);
}

uint64_t arm_user_table(const ArmRoot *root)
{
	const Half half = get_half(root, 0);

	return first_table(&half);
}

static bool read_descriptor(const ArmRoot *root, ArmPhysRead read, void *opaque, uint64_t at,
			    uint64_t *ret)
{
	uint8_t bytes[8];
	uint64_t desc = 0;

	if (!read(opaque, at, bytes, sizeof(bytes)))
		return false;
	for (unsigned i = 0; i < 8; i++)
		desc |= (uint64_t)bytes[i] << 8 * (root->sctlr & ARM_SCTLR_EE ? 7 - i : i);
	*ret = desc;
	return true;
}

static void set_span(uint64_t addr, unsigned bits, ArmSpan *ret)
{
	*ret = (ArmSpan){.start = addr & ~low_bits(bits), .last = addr | low_bits(bits)};
}

/* @desc of a page or block, @limits: the table descriptors above it, joined. */
static void set_rights(const ArmRoot *root, uint64_t desc, uint64_t limits, ArmSpan *ret)
{
	bool dirty_later =
		(desc & ARM_DESC_DBM) && (root->tcr & ARM_TCR_HD) && !has_one_range(root);
	bool no_kernel = (desc & ARM_DESC_PXN) || (limits & TABLE_PXN);
	bool no_user = (desc & ARM_DESC_UXN) || (limits & TABLE_UXN);

	ret->user = !has_one_range(root) && (desc & ARM_DESC_USER) && !(limits & TABLE_NO_USER);
	ret->writable =
		(!(desc & ARM_DESC_READ_ONLY) || dirty_later) && !(limits & TABLE_READ_ONLY);
	if (has_one_range(root))
		no_kernel = no_user; /* XN is where UXN is elsewhere */
	if (ret->writable && (ret->user || (root->sctlr & ARM_SCTLR_WXN)))
		no_kernel = true;
	ret->kernel_execute = !no_kernel;
	ret->user_execute =
		ret->user && !no_user && !(ret->writable && (root->sctlr & ARM_SCTLR_WXN));
}

static void look_in_tables(const ArmRoot *root, const Half *half, ArmPhysRead read, void *opaque,
			   uint64_t addr, ArmSpan *ret)
{
	uint64_t table = first_table(half), offset = addr & low_bits(half->va_bits), limits = 0;

	for (int level = first_level(half);; level++) {
		unsigned shift = level_shift(half, level);
		uint64_t index = (offset >> shift) & low_bits(half->granule - 3);
		uint64_t desc;

		set_span(addr, shift, ret);
		if (table >> half->pa_bits ||
		    !read_descriptor(root, read, opaque, table + index * 8, &desc) ||
		    !(desc & ARM_DESC_VALID))
			return;
		table = descriptor_address(half, desc);
		if (level < LAST_LEVEL && (desc & ARM_DESC_TABLE)) {
			limits |= half->flat ? 0 : desc;
			continue;
		}
		if (table >> half->pa_bits ||
		    (level == LAST_LEVEL ? !(desc & ARM_DESC_TABLE) : !is_block_level(half, level)))
			return;
		ret->mapped = true;
		ret->gpa = table & ~low_bits(shift);
		ret->desc = desc;
		set_rights(root, desc, limits, ret);
		return;
	}
}

static void look_when_off(const ArmRoot *root, const Half *half, uint64_t addr, ArmSpan *ret)
{
	uint64_t tag = half->tagged ? addr & ~low_bits(56) : 0;
	uint64_t size = 1ull << root_pa_bits(root);

	if (addr - tag >= size)
		*ret = (ArmSpan){.start = addr, .last = half->tagged ? tag | low_bits(56) : ~0ull};
	else
		*ret = (ArmSpan){
			.start = tag,
			.last = tag + (size - 1),
			.mapped = true,
			.user = true,
			.writable = true,
			.kernel_execute = true,
			.user_execute = true,
		};
}

/* A hole that ends where tables may map something again, or at the end of the half. */
static void set_outside(const Half *half, uint64_t addr, ArmSpan *ret)
{
	uint64_t last = addr | low_bits(half->high ? 56 : 55),
		 first_good = last - low_bits(half->va_bits);

	*ret = (ArmSpan){.start = addr, .last = last};
	if (half->high && is_in_range(half, last) && !half->off && half->granule)
		ret->last = first_good - 1;
}

void arm_look(const ArmRoot *root, ArmPhysRead read, void *opaque, uint64_t addr, ArmSpan *ret)
{
	Half half = get_half(root, addr);

	if (!(root->sctlr & ARM_SCTLR_M))
		look_when_off(root, &half, addr, ret);
	else if (half.granule && !half.off && is_in_range(&half, addr))
		look_in_tables(root, &half, read, opaque, addr, ret);
	else
		set_outside(&half, addr, ret);
}

bool arm_walk(const ArmRoot *root, ArmPhysRead read, void *opaque, uint64_t addr, ArmMapping *ret)
{
	ArmSpan span;

	arm_look(root, read, opaque, addr, &span);
	if (!span.mapped)
		return false;
	*ret = (ArmMapping){span.gpa + (addr - span.start), span.last - addr + 1,
			    span.kernel_execute || span.user_execute};
	return true;
}

bool arm_is_kernel_address(const ArmRoot *root, uint64_t addr)
{
	Half half = get_half(root, addr);

	return half.high && is_in_range(&half, addr);
}

bool arm_root_is_kernel(const ArmRoot *root)
{
	return (root->mode & ARM_ROOT_EL) >= 1 && !has_one_range(root) &&
	       (root->sctlr & ARM_SCTLR_M) && !(root->tcr & ARM_TCR_EPD1);
}

/* ---- Linux' trampoline ---- */

/* Does @kernel's first table have all entries of @user's, and more? */
static bool has_more_entries(const ArmRoot *user, const ArmRoot *kernel, ArmPhysRead read,
			     void *opaque)
{
	Half user_half = get_half(user, ~0ull), kernel_half = get_half(kernel, ~0ull);
	uint64_t user_table = first_table(&user_half), kernel_table = first_table(&kernel_half);
	bool more = false;

	for (uint64_t i = 0; i < 1ull << first_index_bits(&user_half); i++) {
		uint64_t mine, other;

		if (!read_descriptor(user, read, opaque, user_table + i * 8, &mine) ||
		    !read_descriptor(kernel, read, opaque, kernel_table + i * 8, &other) ||
		    (mine & ARM_DESC_VALID & ~other))
			return false;
		more |= other & ARM_DESC_VALID & ~mine;
	}
	return more;
}

bool arm_kernel_root(const ArmRoot *user, ArmPhysRead read, void *opaque, ArmRoot *ret)
{
	Half half = get_half(user, ~0ull);
	ArmMapping mine, other;

	if (!arm_is_kernel_address(user, user->vbar) ||
	    !arm_walk(user, read, opaque, user->vbar, &mine))
		return false;
	for (uint64_t pages = 2; pages >= 1; pages--) {
		ArmRoot kernel = *user;

		kernel.ttbr1 += pages << half.granule;
		if (!(kernel.mode & ARM_ROOT_EL))
			kernel.mode |= 1;
		if (arm_walk(&kernel, read, opaque, kernel.vbar, &other) && other.gpa == mine.gpa &&
		    has_more_entries(user, &kernel, read, opaque)) {
			*ret = kernel;
			return true;
		}
	}
	return false;
}
