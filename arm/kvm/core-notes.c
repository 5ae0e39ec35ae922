/*
 * arm/kvm/core-notes.c - a vCPU's notes in a core file: its registers, as Linux writes them.
 */
#include <elf.h>

#include "arm/kvm/vcpu.h"
#include "guest/vmcore.h"

/* struct elf_prstatus of the arm64 ABI. */
typedef struct Prstatus {
	uint8_t head[32];
	uint32_t pid;
	uint8_t times[76];
	ArmGeneral regs;
	uint32_t fpvalid, pad;
} Prstatus;
G_STATIC_ASSERT(sizeof(Prstatus) == 392);

bool arch_core_notes(ArchVcpu *vcpu, unsigned index, GByteArray *notes, GError **error)
{
	Prstatus status = {.pid = index + 1};

	if (!arm_get_general(vcpu, &status.regs, error))
		return false;
	vmcore_add_note(notes, "CORE", NT_PRSTATUS, &status, sizeof(status));
	return true;
}
