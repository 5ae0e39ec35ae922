/*
 * hw/dev/serial.c - a 16550A UART that is interrupt driven in both directions.
 *
 * Sending has no FIFO of its own: bytes go to the peer at once, and the peer's room decides when
 * the transmitter is "empty" again. That is the back-pressure a driver understands, and the vCPU
 * never waits. Received bytes wait in a queue; the guest's FIFO takes 16 at a time from it.
 */
#include "hw/dev/devices.h"

#include <linux/serial_reg.h>
#include <string.h>

#define FIFO_SIZE 16
#define INPUT_MAX 65536
#define POLLS 16

struct Serial {
	GMutex lock; /* everything below */
	SerialPeer peer;
	IrqLine irq;
	uint8_t ier, lcr, mcr, fcr, scr, dll, dlm;
	bool thr_event; /* "transmitter empty" was not yet seen by reading IIR */
	bool tx_full;	/* the peer had no room at the last look */
	bool irq_level; /* the last level that the interrupt controller got */
	uint8_t fifo[FIFO_SIZE];
	unsigned n_fifo;
	unsigned polls; /* LSR reads in a row that found room, up to POLLS: it waits for input */
	GByteArray *input;
	bool input_full;
	bool break_waits; /* behind @break_behind bytes of input */
	size_t break_behind;
	bool break_seen; /* the byte in the FIFO is a BREAK: until LSR is read */
};

/* MSR as a peer that is connected and ready makes it. */
#define MSR_CONNECTED (UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS)

Serial *serial_new(const SerialPeer *peer, IrqLine irq)
{
	Serial *serial = g_new0(Serial, 1);

	g_mutex_init(&serial->lock);
	serial->peer = *peer;
	serial->irq = irq;
	serial->dll = 1;
	serial->input = g_byte_array_new();
	return serial;
}

void serial_free(Serial *serial)
{
	if (serial == NULL)
		return;
	g_byte_array_unref(serial->input);
	g_mutex_clear(&serial->lock);
	g_free(serial);
}

static bool tx_empty_locked(Serial *serial)
{
	serial->tx_full = serial->peer.room(serial->peer.opaque) < FIFO_SIZE;
	return !serial->tx_full;
}

/*
 * May the guest get input? Drivers throw away what they find while they set the UART up, so it must
 * listen: assert RTS and want the interrupt, or look at LSR again and again, as kgdb does, which
 * asserts nothing.
 */
static bool is_listening_locked(const Serial *serial)
{
	bool wants_irq = serial->mcr & UART_MCR_RTS && serial->ier & UART_IER_RDI;

	return !(serial->mcr & UART_MCR_LOOP) && (wants_irq || serial->polls >= POLLS);
}

/* A BREAK is a zero in the FIFO that is alone there, so that LSR speaks of it. */
static void take_break_locked(Serial *serial)
{
	if (serial->n_fifo > 0)
		return;
	serial->break_waits = false;
	serial->break_seen = true;
	serial->fifo[serial->n_fifo++] = 0;
}

static size_t input_before_break_locked(const Serial *serial)
{
	if (serial->break_seen)
		return 0;
	return serial->break_waits ? serial->break_behind : serial->input->len;
}

/* Move waiting input into the FIFO that the guest sees. */
static void fill_fifo_locked(Serial *serial)
{
	unsigned depth = serial->fcr & UART_FCR_ENABLE_FIFO ? FIFO_SIZE : 1;

	if (!is_listening_locked(serial) || serial->n_fifo >= depth)
		return;
	if (serial->break_waits && serial->break_behind == 0) {
		take_break_locked(serial);
		return;
	}
	unsigned n = MIN(depth - serial->n_fifo, input_before_break_locked(serial));
	if (n == 0)
		return;
	serial->break_behind -= serial->break_waits ? n : 0;
	memcpy(serial->fifo + serial->n_fifo, serial->input->data, n);
	serial->n_fifo += n;
	g_byte_array_remove_range(serial->input, 0, n);
}

static uint8_t pending_locked(const Serial *serial)
{
	if (serial->ier & UART_IER_RLSI && serial->break_seen)
		return UART_IIR_RLSI;
	if (serial->ier & UART_IER_RDI && serial->n_fifo > 0)
		return UART_IIR_RDI;
	if (serial->ier & UART_IER_THRI && serial->thr_event)
		return UART_IIR_THRI;
	return UART_IIR_NO_INT;
}

static void update_irq_locked(Serial *serial)
{
	fill_fifo_locked(serial);
	bool level = pending_locked(serial) != UART_IIR_NO_INT;
	if (level != serial->irq_level)
		serial->irq.set(serial->irq.opaque, serial->irq.irq, level);
	serial->irq_level = level;
}

static void receive_looped_locked(Serial *serial, uint8_t byte)
{
	if (serial->n_fifo < FIFO_SIZE)
		serial->fifo[serial->n_fifo++] = byte;
}

static void transmit_locked(Serial *serial, uint8_t byte)
{
	if (serial->mcr & UART_MCR_LOOP)
		receive_looped_locked(serial, byte);
	else
		serial->peer.output(serial->peer.opaque, &byte, 1);
	/*
	 * An event that is still pending from the byte before stays: its edge has been seen, and
	 * its handler, which must read IIR, is yet to come. So a burst costs one interrupt.
	 */
	serial->thr_event = tx_empty_locked(serial);
	/* A look at LSR before each byte is for sending. */
	if (serial->polls < POLLS)
		serial->polls = 0;
}

static uint8_t receive_locked(Serial *serial)
{
	if (serial->n_fifo == 0)
		return 0;
	uint8_t byte = serial->fifo[0];
	serial->break_seen = false;
	memmove(serial->fifo, serial->fifo + 1, --serial->n_fifo);
	return byte;
}

static void write_ier_locked(Serial *serial, uint8_t value)
{
	uint8_t enabled = value & ~serial->ier;

	serial->ier = value & 0x0f;
	if (enabled & UART_IER_THRI && tx_empty_locked(serial))
		serial->thr_event = true;
}

static void write_fcr_locked(Serial *serial, uint8_t value)
{
	if ((value ^ serial->fcr) & UART_FCR_ENABLE_FIFO || value & UART_FCR_CLEAR_RCVR)
		serial->n_fifo = serial->break_seen = 0;
	serial->polls = 0;
	serial->fcr = value & ~(UART_FCR_CLEAR_RCVR | UART_FCR_CLEAR_XMIT);
}

static void write_register_locked(Serial *serial, unsigned reg, uint8_t value)
{
	bool dlab = serial->lcr & UART_LCR_DLAB;

	switch (reg) {
	case UART_TX:
		if (dlab)
			serial->dll = value;
		else
			transmit_locked(serial, value);
		break;
	case UART_IER:
		if (dlab)
			serial->dlm = value;
		else
			write_ier_locked(serial, value);
		break;
	case UART_FCR:
		write_fcr_locked(serial, value);
		break;
	case UART_LCR:
		serial->lcr = value;
		break;
	case UART_MCR:
		serial->mcr = value & 0x1f;
		break;
	case UART_SCR:
		serial->scr = value;
		break;
	}
}

static uint8_t read_iir_locked(Serial *serial)
{
	uint8_t iir = pending_locked(serial);

	if (iir == UART_IIR_THRI)
		serial->thr_event = false;
	return iir | (serial->fcr & UART_FCR_ENABLE_FIFO ? 0xc0 : 0);
}

static uint8_t read_msr_locked(const Serial *serial)
{
	if (!(serial->mcr & UART_MCR_LOOP))
		return MSR_CONNECTED;
	return (serial->mcr & UART_MCR_RTS ? UART_MSR_CTS : 0) |
	       (serial->mcr & UART_MCR_DTR ? UART_MSR_DSR : 0) |
	       (serial->mcr & UART_MCR_OUT1 ? UART_MSR_RI : 0) |
	       (serial->mcr & UART_MCR_OUT2 ? UART_MSR_DCD : 0);
}

static uint8_t read_lsr_locked(Serial *serial)
{
	uint8_t error = serial->break_seen ? UART_LSR_BI : 0;
	bool can_send = tx_empty_locked(serial);

	/* Else it may be what it waits for. */
	if (can_send)
		serial->polls = MIN(serial->polls + 1, POLLS);
	serial->break_seen = false;
	return error | (serial->n_fifo > 0 ? UART_LSR_DR : 0) |
	       (can_send ? UART_LSR_THRE | UART_LSR_TEMT : 0);
}

static uint8_t read_register_locked(Serial *serial, unsigned reg)
{
	bool dlab = serial->lcr & UART_LCR_DLAB;

	switch (reg) {
	case UART_RX:
		return dlab ? serial->dll : receive_locked(serial);
	case UART_IER:
		return dlab ? serial->dlm : serial->ier;
	case UART_IIR:
		return read_iir_locked(serial);
	case UART_LCR:
		return serial->lcr;
	case UART_MCR:
		return serial->mcr;
	case UART_LSR:
		return read_lsr_locked(serial);
	case UART_MSR:
		return read_msr_locked(serial);
	default:
		return serial->scr;
	}
}

/* TRUE once after the input queue was full and has drained by half. */
static bool take_input_wanted_locked(Serial *serial)
{
	if (!serial->input_full || serial->input->len > INPUT_MAX / 2)
		return false;
	serial->input_full = false;
	return true;
}

void serial_io(void *owner, struct Vcpu *vcpu G_GNUC_UNUSED, uint64_t offset, void *data,
	       size_t len G_GNUC_UNUSED, bool is_write)
{
	Serial *serial = owner;
	uint8_t *byte = data;

	g_mutex_lock(&serial->lock);
	fill_fifo_locked(serial);
	if (is_write)
		write_register_locked(serial, offset, *byte);
	else
		*byte = read_register_locked(serial, offset);
	update_irq_locked(serial);
	bool wanted = take_input_wanted_locked(serial);
	g_mutex_unlock(&serial->lock);
	if (wanted && serial->peer.input_wanted != NULL)
		serial->peer.input_wanted(serial->peer.opaque);
}

size_t serial_input(Serial *serial, const uint8_t *data, size_t len)
{
	g_mutex_lock(&serial->lock);
	size_t taken = MIN(len, INPUT_MAX - serial->input->len);

	g_byte_array_append(serial->input, data, taken);
	if (taken < len)
		serial->input_full = true;
	update_irq_locked(serial);
	g_mutex_unlock(&serial->lock);
	return taken;
}

void serial_break(Serial *serial)
{
	g_mutex_lock(&serial->lock);
	if (!serial->break_waits) {
		serial->break_waits = true;
		serial->break_behind = serial->input->len;
		update_irq_locked(serial);
	}
	g_mutex_unlock(&serial->lock);
}

void serial_room_changed(Serial *serial)
{
	g_mutex_lock(&serial->lock);
	if (serial->tx_full && tx_empty_locked(serial)) {
		serial->thr_event = true;
		update_irq_locked(serial);
	}
	g_mutex_unlock(&serial->lock);
}
