/*
 * tests/model-digest.c - what the future of a machine of tests/model.h depends on, as one number.
 *
 * What is left out makes two states one that are two, and what follows one of them is not looked at
 * then; what is too much makes the search slow. Neither makes a rule look broken that is not.
 */
#include <stdio.h>

#include "gdbstub/internal.h"
#include "tests/model.h"

static uint64_t mix(uint64_t sum, uint64_t value)
{
	sum = (sum ^ value) * 0x9e3779b97f4a7c15;
	return sum ^ sum >> 29;
}

static uint64_t mix_vcpu(uint64_t sum, const KvmGdbVcpu *vcpu)
{
	const Leaving *leaving = &vcpu->leaving;
	const uint64_t parts[] = {
		vcpu->state,
		vcpu->attention,
		vcpu->tid != 0,
		vcpu->action.kind,
		vcpu->step.kind,
		vcpu->step.kind ? vcpu->step.from : 0,
		leaving->met,
		leaving->pc,
		leaving->upto,
		leaving->reported,
		leaving->by_step,
		leaving->over,
		leaving->gpa,
		vcpu->applied.armed.n,
		vcpu->turn_owed,
		vcpu->kick,
		vcpu->exit,
		vcpu->run->exit_reason,
		vcpu->run->immediate_exit,
		vcpu->event.pending,
		vcpu->event.pending ? vcpu->event.stop.kind : 0,
		vcpu->event.pending ? vcpu->event.pc : 0,
		vcpu->applied.now.control,
		vcpu->applied.stale,
		toy_cache_digest(vcpu->arch),
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(parts); i++)
		sum = mix(sum, parts[i]);
	return sum;
}

static uint64_t mix_machine(uint64_t sum, const KvmGdb *gdb)
{
	gint64 grace = gdb_alarm_get(gdb->grace.alarm);
	gint64 limit = gdb_alarm_get(gdb->limit);
	const uint64_t parts[] = {
		gdb->world,
		gdb->world == WORLD_STOPPING ? gdb->n_at_rest : 0,
		gdb->mode,
		gdb->moment,
		gdb->stops_all,
		gdb->attached,
		gdb->frees_when_stopped,
		gdb->runs_on,
		gdb->stop_cpu,
		gdb->grace.over,
		grace < 0 ? 0 : grace - host_now() + 1,
		limit < 0 ? 0 : limit - host_now() + 1,
		gdb->turns.over ? gdb->turns.over->index + 1 : 0,
		gdb->turns.lifted,
		gdb->turns.n_also,
		gdb->turns.slice,
		MAX(gdb->turns.next_at - host_now(), 0),
		kvm_breaks_any_lost(gdb->breaks),
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(parts); i++)
		sum = mix(sum, parts[i]);
	return sum;
}

static uint64_t mix_client(uint64_t sum, const Model *model)
{
	const GdbSession *session = model->session;
	const uint64_t parts[] = {
		session ? session->state : 0,
		session ? session->run.interrupt_owed : 0,
		session ? session->run.focus : 0,
		session ? session->view.place.cpu : 0,
		model->owed,
		model->standing,
		model->asked,
		model->interrupt_owed,
		model->killed,
		model->panic_owed,
		model->signals,
		model->failures,
		model->failed_runs,
		model->says,
		model->physical,
		model->n_stops,
		model->n_breaks,
		model->non_stop,
		model->moment_owed,
		model->all_owed,
		model->waiting ? g_str_hash(model->waiting) : 0,
		session ? session->non_stop.telling : 0,
		session ? session->non_stop.in_moment : 0,
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(parts); i++)
		sum = mix(sum, parts[i]);
	for (unsigned i = 0; i < model->n_stops; i++)
		sum = mix(mix(sum, model->stops[i].kind), model->stops[i].cpu);
	for (unsigned i = 0; i < model->n_breaks; i++)
		sum = mix(sum, model->breaks[i].addr ^ (uint64_t)model->breaks[i].type << 32);
	return sum;
}

uint64_t model_digest(const Model *model)
{
	const uint8_t *code = toy_ram(model->vm) + MODEL_CODE;
	uint64_t sum = mix_client(mix_machine(1, model->gdb), model);

	for (unsigned i = 0; i < model->scenario->n; i++) {
		const ModelCpu *cpu = &model->cpus[i];

		sum = mix(mix_vcpu(sum, cpu->vcpu), host_digest(i));
		sum = mix(mix(sum, toy_digest(model->vm, i)), cpu->accesses - cpu->ios);
		sum = mix(sum, cpu->action | MIN(cpu->steps, 2) << 4 | cpu->hit_told << 8 |
				       cpu->stop_owed << 9 | cpu->asked << 10 |
				       cpu->interrupted << 11);
		sum = mix(sum, cpu->next);
	}
	for (unsigned i = 0; i < sizeof(model->code); i++)
		sum = mix(sum, code[i]);
	return sum;
}

void model_print(const Model *model)
{
	static const char *const worlds[] = {"free", "running", "stopping", "stopped"};

	printf("#     machine %s%s%s\n", worlds[model->gdb->world],
	       model->n_stops ? ", a stop is posted" : "",
	       model->gdb->turns.over ? ", one CPU steps over its breakpoint" : "");
	for (unsigned i = 0; i < model->scenario->n; i++)
		printf("#     CPU %u at 0x%" PRIx64 ", %s\n", i, model->cpus[i].next,
		       host_place_name(i));
}
