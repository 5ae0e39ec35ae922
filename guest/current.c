/*
 * guest/current.c - see guest/current.h.
 */
#include "guest/current.h"

#include <string.h>

#define TASK_MAX (32u * 1024) /* more than any task_struct */

const char *const linux_place_names[LINUX_N_PLACES + 1] = {
	[LINUX_BANNER] = "linux_banner",
	[LINUX_INIT_TASK] = "init_task",
	[LINUX_CPU_OFFSETS] = "__per_cpu_offset",
	[LINUX_CURRENT] = "current_task",
	[LINUX_HOT] = "pcpu_hot",
};

/*
 * While the per-CPU section is linked at 0 (before 6.15), KASLR does not move what is in it.
 */
LinuxPlaces linux_places_of_file(const Vmlinux *vmlinux, uint64_t slide)
{
	uint64_t section = 0;
	bool percpu_moves = vmlinux_section(vmlinux, ".data..percpu", &section) && section;
	LinuxPlaces places = {0};

	for (unsigned n = 0; n < LINUX_N_PLACES; n++) {
		bool is_percpu = n == LINUX_CURRENT || n == LINUX_HOT;

		if (!vmlinux_find(vmlinux, linux_place_names[n], &places.at[n]))
			places.at[n] = 0;
		else if (!is_percpu || percpu_moves)
			places.at[n] += slide;
	}
	return places;
}

LinuxPlaces linux_places_of_symbols(const LinuxSymbols *symbols)
{
	LinuxPlaces places = {0};

	for (unsigned n = 0; n < LINUX_N_PLACES; n++) {
		if (!linux_symbols_find(symbols, linux_place_names[n], &places.at[n]))
			places.at[n] = 0;
	}
	return places;
}

bool linux_places_fit(const LinuxPlaces *places, const LinuxMemory *memory)
{
	static const char banner[] = "Linux version ";
	char found[sizeof(banner) - 1];

	return linux_read(memory, places->at[LINUX_BANNER], found, sizeof(found)) &&
	       memcmp(found, banner, sizeof(found)) == 0;
}

bool linux_current_task(const LinuxPlaces *places, const LinuxMemory *memory, unsigned cpu,
			uint64_t *ret_task)
{
	const uint64_t *at = places->at;
	uint64_t variable = at[LINUX_CURRENT] ? at[LINUX_CURRENT] : at[LINUX_HOT], offset;

	return variable && at[LINUX_CPU_OFFSETS] &&
	       linux_read_u64(memory, at[LINUX_CPU_OFFSETS] + cpu * sizeof(offset), &offset) &&
	       linux_read_u64(memory, variable + offset, ret_task);
}

/* init_task's name is "swapper", later "swapper/0". */
bool linux_comm_offset(const LinuxPlaces *places, const LinuxMemory *memory, uint64_t *ret_offset)
{
	static const char name[] = "swapper";
	const size_t name_len = strlen(name);
	g_autofree uint8_t *task = NULL;
	const uint8_t *hit;
	size_t len;

	if (!places->at[LINUX_INIT_TASK])
		return false;
	task = g_malloc(TASK_MAX);
	len = memory->read(memory->opaque, places->at[LINUX_INIT_TASK], task, TASK_MAX);
	hit = len ? memmem(task, len, name, name_len) : NULL;
	if (!hit || hit + name_len >= task + len || (hit[name_len] && hit[name_len] != '/'))
		return false;
	*ret_offset = hit - task;
	return true;
}

bool linux_comm_read(const LinuxMemory *memory, uint64_t addr, char ret[LINUX_COMM_LEN])
{
	size_t len;

	if (!linux_read(memory, addr, ret, LINUX_COMM_LEN))
		return false;
	len = strnlen(ret, LINUX_COMM_LEN);
	for (size_t n = 0; n < len; n++) {
		if (!g_ascii_isprint(ret[n]))
			return false;
	}
	return len > 0 && len < LINUX_COMM_LEN;
}
