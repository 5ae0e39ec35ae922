/*
 * hw/dev/i8042.c - the PC's keyboard controller: the way to reset the machine, and enough of a
 * keyboard that an operating system's probing ends quickly. No key is ever pressed.
 */
#include "hw/dev/devices.h"

#include <string.h>

/* Commands to the controller, port 0x64. */
enum {
	CMD_READ_CTR = 0x20,
	CMD_WRITE_CTR = 0x60,
	CMD_AUX_DISABLE = 0xa7,
	CMD_AUX_TEST = 0xa9,
	CMD_SELF_TEST = 0xaa,
	CMD_KBD_TEST = 0xab,
	CMD_KBD_DISABLE = 0xad,
	CMD_KBD_ENABLE = 0xae,
	CMD_READ_OUT = 0xd0,
	CMD_WRITE_OUT = 0xd1,
	CMD_ECHO_KBD = 0xd2,
	CMD_WRITE_AUX = 0xd4,
	CMD_PULSE = 0xf0, /* 0xf0-0xff: pulse the output lines whose bits are 0; bit 0 is reset */
};

#define STATUS_OUT_FULL 0x01
#define STATUS_SYSTEM 0x04
#define STATUS_COMMAND 0x08
#define STATUS_UNLOCKED 0x10

#define CTR_KBD_IRQ 0x01
#define CTR_SYSTEM 0x04
#define CTR_KBD_DISABLED 0x10
#define CTR_AUX_DISABLED 0x20

#define OUT_NOT_RESET 0x01
#define OUT_A20 0x02

/* Keyboard bytes, port 0x60. */
#define KBD_ACK 0xfa
#define KBD_PASSED 0xaa
#define KBD_SET_LEDS 0xed
#define KBD_ECHO 0xee
#define KBD_SCANCODES 0xf0
#define KBD_IDENTIFY 0xf2
#define KBD_RATE 0xf3
#define KBD_RESET 0xff

#define QUEUE_SIZE 16

struct I8042 {
	GMutex lock; /* everything below */
	IrqLine irq;
	void (*reset)(void *opaque);
	void *opaque;
	uint8_t ctr;
	uint8_t command; /* that waits for its data byte, or 0 */
	bool after_command;
	bool kbd_argument; /* the keyboard's next byte is an argument: only acknowledge it */
	uint8_t queue[QUEUE_SIZE];
	unsigned n_queue;
};

I8042 *i8042_new(IrqLine irq, void (*reset)(void *opaque), void *opaque)
{
	I8042 *i8042 = g_new0(I8042, 1);

	g_mutex_init(&i8042->lock);
	i8042->irq = irq;
	i8042->reset = reset;
	i8042->opaque = opaque;
	i8042->ctr = CTR_SYSTEM | CTR_AUX_DISABLED;
	return i8042;
}

void i8042_free(I8042 *i8042)
{
	if (i8042 == NULL)
		return;
	g_mutex_clear(&i8042->lock);
	g_free(i8042);
}

static void update_irq_locked(I8042 *i8042)
{
	bool level = i8042->n_queue > 0 && i8042->ctr & CTR_KBD_IRQ;

	i8042->irq.set(i8042->irq.opaque, i8042->irq.irq, level);
}

static void push_locked(I8042 *i8042, uint8_t byte)
{
	if (i8042->n_queue < QUEUE_SIZE)
		i8042->queue[i8042->n_queue++] = byte;
}

static uint8_t pop_locked(I8042 *i8042)
{
	if (i8042->n_queue == 0)
		return 0;
	uint8_t byte = i8042->queue[0];
	memmove(i8042->queue, i8042->queue + 1, --i8042->n_queue);
	/* The next byte is a new edge for the interrupt controller. */
	i8042->irq.set(i8042->irq.opaque, i8042->irq.irq, false);
	return byte;
}

static void keyboard_byte_locked(I8042 *i8042, uint8_t byte)
{
	if (i8042->kbd_argument) {
		i8042->kbd_argument = false;
		push_locked(i8042, KBD_ACK);
		return;
	}
	if (byte == KBD_ECHO) {
		push_locked(i8042, KBD_ECHO);
		return;
	}
	push_locked(i8042, KBD_ACK);
	if (byte == KBD_RESET)
		push_locked(i8042, KBD_PASSED);
	if (byte == KBD_IDENTIFY) {
		push_locked(i8042, 0xab);
		push_locked(i8042, 0x83);
	}
	i8042->kbd_argument = byte == KBD_SET_LEDS || byte == KBD_SCANCODES || byte == KBD_RATE;
}

/* Returns TRUE when the reset line is pulled. */
static bool command_locked(I8042 *i8042, uint8_t command)
{
	i8042->after_command = true;
	i8042->command = 0;
	if (command >= CMD_PULSE)
		return !(command & OUT_NOT_RESET);
	switch (command) {
	case CMD_READ_CTR:
		push_locked(i8042, i8042->ctr);
		break;
	case CMD_AUX_DISABLE:
		i8042->ctr |= CTR_AUX_DISABLED;
		break;
	case CMD_AUX_TEST:
		push_locked(i8042, 0xff); /* there is no mouse port */
		break;
	case CMD_SELF_TEST:
		i8042->n_queue = 0;
		push_locked(i8042, 0x55);
		break;
	case CMD_KBD_TEST:
		push_locked(i8042, 0x00);
		break;
	case CMD_KBD_DISABLE:
		i8042->ctr |= CTR_KBD_DISABLED;
		break;
	case CMD_KBD_ENABLE:
		i8042->ctr &= ~CTR_KBD_DISABLED;
		break;
	case CMD_READ_OUT:
		push_locked(i8042, OUT_NOT_RESET | OUT_A20);
		break;
	case CMD_WRITE_CTR:
	case CMD_WRITE_OUT:
	case CMD_ECHO_KBD:
	case CMD_WRITE_AUX:
		i8042->command = command;
		break;
	}
	return false;
}

static bool data_locked(I8042 *i8042, uint8_t byte)
{
	uint8_t command = i8042->command;

	i8042->after_command = false;
	i8042->command = 0;
	switch (command) {
	case CMD_WRITE_CTR:
		i8042->ctr = byte;
		break;
	case CMD_WRITE_OUT:
		return !(byte & OUT_NOT_RESET);
	case CMD_ECHO_KBD:
		push_locked(i8042, byte);
		break;
	case CMD_WRITE_AUX:
		break; /* nobody there, nobody answers */
	default:
		keyboard_byte_locked(i8042, byte);
	}
	return false;
}

void i8042_data_io(void *owner, struct Vcpu *vcpu G_GNUC_UNUSED, uint64_t offset G_GNUC_UNUSED,
		   void *data, size_t len G_GNUC_UNUSED, bool is_write)
{
	I8042 *i8042 = owner;
	uint8_t *byte = data;
	bool reset = false;

	g_mutex_lock(&i8042->lock);
	if (is_write)
		reset = data_locked(i8042, *byte);
	else
		*byte = pop_locked(i8042);
	update_irq_locked(i8042);
	g_mutex_unlock(&i8042->lock);
	if (reset)
		i8042->reset(i8042->opaque);
}

void i8042_command_io(void *owner, struct Vcpu *vcpu G_GNUC_UNUSED, uint64_t offset G_GNUC_UNUSED,
		      void *data, size_t len G_GNUC_UNUSED, bool is_write)
{
	I8042 *i8042 = owner;
	uint8_t *byte = data;
	bool reset = false;

	g_mutex_lock(&i8042->lock);
	if (is_write) {
		reset = command_locked(i8042, *byte);
		update_irq_locked(i8042);
	} else {
		*byte = STATUS_UNLOCKED | STATUS_SYSTEM |
			(i8042->after_command ? STATUS_COMMAND : 0) |
			(i8042->n_queue > 0 ? STATUS_OUT_FULL : 0);
	}
	g_mutex_unlock(&i8042->lock);
	if (reset)
		i8042->reset(i8042->opaque);
}
