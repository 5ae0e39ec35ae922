# vmgdb's build. Sources are found by folder; what belongs where:
#   gdbstub/ guest/ qmp/ kvm/ $(ARCH)/cpu/ $(ARCH)/kvm/ xml/  -> libvmgdb.a
#   hw/ hw/dev/ $(ARCH)/hw/                              -> lkvm
#   plugin/*.c                                           -> vmgdb and what it preloads
#   tests/{test,kvm}-*.c tests/guest/*.S                 -> build/tests/, a program each
#   other tests/*.c, tests/test-util.c                   -> helpers of these programs
#   tests/bench/*.[cS]                                   -> build/tests/bench/bench and its guest
#   tests/fuzz-*.c                                       -> build/fuzz/ (clang)
# V=1 shows commands. SANITIZE and friends come from config.mak, which configure writes.

all:

# These build a lot: with all CPUs, unless a -j says otherwise.
ifneq ($(filter check check-quick run,$(MAKECMDGOALS)),)
ifeq ($(MAKELEVEL)$(filter -j% --jobs%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc)
endif
endif

# These do all their own set-up on a fresh Debian.
INSTALL_DEPS := $(if $(filter check check-quick run,$(MAKECMDGOALS)),--install-deps)

ifneq ($(filter-out clean distclean dist help lint list-threaded,$(or $(MAKECMDGOALS),all)),)
include config.mak
endif
ifeq ($(SRCDIR),)
SRCDIR := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
endif

config.mak: $(SRCDIR)/configure
	@if [ -e $@ ]; then args=$$(sed -n 's/^CONFIGURE_ARGS := //p' $@); fi; \
	 echo "  CONFIGURE $$args"; $(SRCDIR)/configure $$args $(INSTALL_DEPS)

VERSION := 0.1
B := build

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-7s %s\n'
endif

# ---- What is built ----

src = $(patsubst $(SRCDIR)/%,%,$(wildcard $(addprefix $(SRCDIR)/,$(1))))
obj = $(patsubst %,$(B)/%.o,$(basename $(1)))

GRESOURCE := $(firstword $(call src,xml/*.gresource.xml))

HW_SRC := $(call src,hw/*.c hw/dev/*.c $(ARCH)/hw/*.c)
LIB_SRC := $(call src,$(addsuffix /*.c,gdbstub guest qmp kvm $(ARCH)/cpu $(ARCH)/kvm))
# The other architecture's files that need no KVM header: their tests run on every host.
PURE_SRC := $(call src,$(OTHER_ARCH)/cpu/*.c $(OTHER_ARCH)/hw/fdt.c $(OTHER_ARCH)/hw/image.c)
TEST_SRC := $(call src,tests/test-*.c tests/kvm-*.c)
HELP_SRC := $(filter-out tests/test-%.c tests/kvm-%.c tests/fuzz-%.c tests/tsan-%.c \
	tests/toy-%.c tests/$(OTHER_ARCH)-%.c,$(call src,tests/*.c)) tests/test-util.c
TEST_SRC := $(filter-out tests/test-util.c,$(TEST_SRC))
# Those of the other architecture run here, too, but not where they need its KVM or its machine.
NATIVE_TESTS := kvm-$(OTHER_ARCH)-% $(if $(filter x86,$(OTHER_ARCH)),\
	$(addprefix test-x86-,gdb reg-access reg-table selector) $(addprefix test-hw-x86-,boot pm))
TEST_SRC := $(filter-out $(NATIVE_TESTS:%=tests/%.c),$(TEST_SRC))
# Those with threads: the others have nothing for the thread sanitizer to find. tests/test-layers.sh
# looks whether this is true.
THREADED := $(patsubst %,tests/%.c,kvm-% $(addprefix test-,alarm clients% engine% hw-config hw-devices hw-helper hw-virtio% \
	hw-worker log monitor% qmp server% thread))
TSAN_SRC := $(filter $(THREADED),$(TEST_SRC))
ifneq ($(filter thread,$(SANITIZE)),)
TEST_SRC := $(TSAN_SRC)
endif
GUEST_DIR := tests/guest$(if $(filter-out x86,$(ARCH)),/$(ARCH))
GUEST_SRC := $(call src,$(GUEST_DIR)/*.S)
FUZZ_SRC := $(call src,tests/fuzz-*.c)

LIB_OBJ := $(call obj,$(LIB_SRC) $(if $(GRESOURCE),xml/resources.c))
HW_OBJ := $(filter-out $(B)/hw/main.o,$(call obj,$(HW_SRC)))
TSAN_OBJ := $(if $(filter thread,$(SANITIZE)),$(call obj,$(call src,tests/tsan-glib.c)))

LIB := $(B)/libvmgdb.a
HW := $(B)/libhw.a
PURE := $(B)/libpure.a
HELP := $(B)/libtest.a
LKVM := $(if $(filter hw/main.c,$(HW_SRC)),lkvm)
SONAME := libvmgdb.so.0
SHARED := $(B)/$(SONAME)
PRELOAD := $(B)/libvmgdb-preload.so
LAUNCHER_OBJ := $(addprefix $(B)/plugin/,vmgdb.o program.o)
PRELOAD_OBJ := $(filter-out $(LAUNCHER_OBJ),$(call obj,$(call src,plugin/*.c)))
TESTS := $(patsubst %.c,$(B)/%,$(TEST_SRC))
GUESTS := $(patsubst %.S,$(B)/%.elf,$(GUEST_SRC))
BENCH_DIR := tests/bench$(if $(filter-out x86,$(ARCH)),/$(ARCH))
BENCH_GUESTS := $(patsubst %.S,$(B)/%.elf,$(call src,$(BENCH_DIR)/*.S))
FUZZERS := $(if $(CLANG),$(patsubst tests/%.c,$(B)/fuzz/%,$(FUZZ_SRC)))

all: $(LIB) $(LKVM) $(SHARED) $(PRELOAD) vmgdb
tests: $(TESTS) $(GUESTS)

# ---- How ----

WARN := -Wall -Wextra -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla $(WERROR)
CPPFLAGS += -I$(SRCDIR) -I$(B) -D_GNU_SOURCE -DVMGDB_VERSION='"$(VERSION)"' \
	-DVMGDB_CHECKS=$(if $(CHECKS)$(SANITIZE),1,0) \
	$(GLIB_CFLAGS) $(JSON_CFLAGS) $(FDT_CFLAGS) $(LINUX_CFLAGS)
ALL_CFLAGS = -std=gnu11 $(WARN) $(SAN_CFLAGS) $(CFLAGS)
LIBS := $(JSON_LIBS) $(GLIB_LIBS) $(FDT_LIBS) $(LINUX_LIBS) -lm -pthread

$(B)/%.o: $(SRCDIR)/%.c config.mak
	@mkdir -p $(@D)
	$(say) CC $*.o
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Sources may include the generated header.
$(LIB_OBJ): | $(if $(GRESOURCE),$(B)/xml/resources.h)
$(B)/xml/resources.o: $(B)/xml/resources.c
	$(say) CC xml/resources.o
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
XML_FILES := $(addprefix $(SRCDIR)/,$(call src,xml/*.xml))
resource = $(GLIB_COMPILE_RESOURCES) --sourcedir=$(SRCDIR)/xml --c-name vmgdb --target=$@
$(B)/xml/resources.c: $(XML_FILES) config.mak
	@mkdir -p $(@D)
	$(say) XML $(GRESOURCE)
	$(Q)$(resource) --generate-source $(SRCDIR)/$(GRESOURCE)
$(B)/xml/resources.h: $(XML_FILES) config.mak
	@mkdir -p $(@D)
	$(Q)$(resource) --generate-header $(SRCDIR)/$(GRESOURCE)

# An archive is made anew, so that a deleted source leaves no member behind.
$(B)/%.a:
	@mkdir -p $(@D)
	$(say) AR $(@F)
	$(Q)rm -f $@ && $(AR) rcs $@ $^
$(LIB): $(LIB_OBJ)
$(HW): $(HW_OBJ)
$(PURE): $(call obj,$(PURE_SRC))
$(HELP): $(call obj,$(HELP_SRC))

lkvm: $(B)/hw/main.o $(HW) $(LIB)
	$(say) LD $@
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

# ---- The shared library and the plugin ----

$(LIB_OBJ) $(PRELOAD_OBJ): ALL_CFLAGS += -fPIC
SHARED_LDFLAGS := -shared -Wl,-z,defs -Wl,--as-needed -Wl,--version-script=$(SRCDIR)/plugin
$(SHARED): $(LIB_OBJ) $(SRCDIR)/plugin/libvmgdb.map
	$(say) LD $(@F)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) $(SHARED_LDFLAGS)/libvmgdb.map -Wl,-soname,$(SONAME) \
		-o $@ $(LIB_OBJ) $(LIBS)
	$(Q)ln -sf $(SONAME) $(B)/libvmgdb.so

# The engine in it must call libc and not the functions that stand in front of libc's.
WRAP := -Wl,--wrap=ioctl,--wrap=close,--wrap=munmap
$(PRELOAD): $(PRELOAD_OBJ) $(LIB) $(SRCDIR)/plugin/preload.map
	$(say) LD $(@F)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) $(SHARED_LDFLAGS)/preload.map $(WRAP) -Wl,-z,nodelete \
		-o $@ $(PRELOAD_OBJ) $(LIB) $(LIBS) -ldl
vmgdb: $(LAUNCHER_OBJ) $(LIB)
	$(say) LD $@
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(filter $(B)/tests/kvm-%,$(TESTS)): | $(GUESTS)
# A test runs once, so it is compiled quickly; what it tests is compiled as it is used.
TEST_CFLAGS ?= $(if $(SANITIZE),-O0,-O1) -g1
$(TESTS:%=%.o): ALL_CFLAGS += $(TEST_CFLAGS)
$(TESTS): $(B)/%: $(B)/%.o $(TSAN_OBJ) $(HELP) $(HW) $(LIB) $(PURE)
	$(say) LD $*
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) \
		-Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBS)

# Tests of the engine bring their own architecture and KVM.
TOYS := $(foreach t,breaks engine% memory model monitor%,$(filter $(B)/tests/test-$(t),$(TESTS)))
$(TOYS): $(B)/tests/toy-kvm.o $(B)/tests/toy-arch.o
# This one is its own host, too.
$(B)/tests/test-model: LDFLAGS += $(addprefix -Wl$(,)--wrap=,ioctl close ppoll eventfd eventfd_write eventfd_read \
	process_vm_readv process_vm_writev pthread_sigmask sigpending gettid tgkill g_mutex_lock g_mutex_unlock \
	g_get_monotonic_time gdb_server_queue_stop gdb_server_post_output)
$(B)/tests/test-plugin-seccomp: $(B)/plugin/seccomp.o
$(B)/tests/test-bench-compare: $(B)/tests/bench/compare.o

GUEST_LD := $(call src,$(GUEST_DIR)/*.ld)
$(GUESTS) $(BENCH_GUESTS): $(B)/%.elf: $(SRCDIR)/%.S $(addprefix $(SRCDIR)/,$(GUEST_LD) $(call src,$(GUEST_DIR)/*.h))
	@mkdir -p $(@D)
	$(say) GUEST $*.elf
	$(Q)$(CC) -I$(SRCDIR) -nostdlib -static -no-pie -Wl,--build-id=none -Wl,-z,noexecstack \
		$(addprefix -Wl$(,)-T$(,)$(SRCDIR)/,$(firstword $(GUEST_LD))) -o $@ $<
, := ,

# ---- Speed: our stub, QEMU's, and what the machine can do ----

BENCH := $(B)/tests/bench/bench
BENCH_SRC := $(filter-out %-$(OTHER_ARCH).c,$(call src,tests/bench/*.c)) \
	$(if $(filter x86,$(ARCH)),tests/x86-rig.c)
$(BENCH): $(call obj,$(BENCH_SRC)) $(LIB)
	$(say) LD tests/bench/bench
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)
# BENCH_FLAGS: --rounds N --seconds S --only WORD --json FILE
bench: bench-build
	@if [ -r /dev/kvm ] && [ -w /dev/kvm ]; then \
		$(BENCH) --lkvm ./lkvm --guests $(B)/tests $(BENCH_FLAGS); \
	else BENCH_FLAGS="$(BENCH_FLAGS)" LKVM=$(CURDIR)/lkvm BUILD=$(CURDIR)/$(B) \
		$(SRCDIR)/tests/lab/bench-svm; fi
# FILE: what a run before has written with --json
bench-check: bench-build
	@[ -r "$(FILE)" ] || { echo "bench-check: expected FILE=a file that --json wrote"; exit 2; }
	@$(MAKE) --no-print-directory bench BENCH_FLAGS="$(BENCH_FLAGS) --json $(B)/bench.json"
	@$(BENCH) --compare "$(FILE)" $(B)/bench.json
# arm64's lkvm boots an Image.
bench-build: $(BENCH) $(LKVM) $(GUESTS) $(BENCH_GUESTS) \
	$(if $(filter arm,$(ARCH)),$(BENCH_GUESTS:.elf=.img))
%.img: %.elf
	$(Q)$(CROSS)objcopy -O binary $< $@

-include $(shell find $(B) -name '*.d' -not -path '$(B)/[at]san/*' 2>/dev/null)

# ---- Fuzzing: the protocol, what is known of a guest and what it writes, by clang's libFuzzer ----

FUZZ_FLAGS := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined
FUZZ_HELP := dwarf-reader fake-control fake-files fake-machine fake-target guest-rig virtio-rig virtio-driver
FUZZ_HW := ring pci pci-msix virtio virtio-pci worker p9 virtio-9p
FUZZ_LIB_SRC := $(call src,gdbstub/*.c guest/*.c qmp/*.c) $(FUZZ_HW:%=hw/dev/%.c) $(FUZZ_HELP:%=tests/%.c)
FUZZ_OBJ := $(patsubst %.c,$(B)/fuzz/obj/%.o,$(FUZZ_LIB_SRC))
$(B)/fuzz/obj/%.o: $(SRCDIR)/%.c config.mak
	@mkdir -p $(@D)
	$(say) CLANG $*.o
	$(Q)$(CLANG) $(CPPFLAGS) -std=gnu11 $(WERROR) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link -MMD -MP -c -o $@ $<
$(B)/fuzz/libfuzz.a: $(FUZZ_OBJ)
$(FUZZERS): $(B)/fuzz/%: $(B)/fuzz/obj/tests/%.o $(B)/fuzz/libfuzz.a
	$(say) LD fuzz/$*
	$(Q)$(CLANG) $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS)
fuzzers: $(FUZZERS)

# ---- Check ----

UNIT := $(filter $(B)/tests/test-%,$(TESTS))
KVM := $(filter $(B)/tests/kvm-%,$(TESTS))
SCRIPTS := $(wildcard $(SRCDIR)/tests/test-*.sh)
LAB := $(wildcard $(SRCDIR)/tests/lab/check-*.sh)
FUZZ := $(SRCDIR)/tests/fuzz.sh
RUN := BUILD=$(CURDIR)/$(B) SRCDIR=$(SRCDIR) LKVM=$(CURDIR)/lkvm EMULATOR=$(EMULATOR) \
	$(SRCDIR)/tests/run

check-unit: $(UNIT) all $(GUESTS)
	@$(RUN) $(UNIT) $(SCRIPTS)
check-kvm: $(KVM) $(GUESTS) $(LKVM)
	@$(RUN) $(KVM)
check-lab: all $(GUESTS) $(KVM)
	@$(RUN) $(LAB)
fuzz: $(FUZZERS)
	@$(RUN) $(FUZZ)
check-asan check-tsan: check-%: san-%
	@$(MAKE) --no-print-directory -C $(B)/$* RUN_FLAGS=--prefix=$*/ check-san
check-san: $(UNIT) $(KVM) $(GUESTS)
	@$(RUN) $(UNIT) $(KVM)

# The instrumented builds live in folders of their own.
san-asan san-tsan: san-%: config.mak
	@mkdir -p $(B)/$*
	@[ $(B)/$*/config.mak -nt config.mak ] || { echo "  CONFIGURE $*"; \
		cd $(B)/$* && $(SRCDIR)/configure $(CONFIGURE_ARGS) --enable-$* >/dev/null; }
	@$(MAKE) --no-print-directory -C $(B)/$* tests $(if $(filter asan,$*),vmgdb $(PRELOAD))

# Everything; check-quick: all but the programs that boot machines in emulators.
QUICK := $(UNIT) $(SCRIPTS) $(KVM) $(FUZZ) \
	$(addprefix $(B)/asan/,$(UNIT) $(KVM)) $(TSAN_SRC:%.c=$(B)/tsan/$(B)/%)
check check-quick: all tests fuzzers san-asan san-tsan
	@$(RUN) $(QUICK) $(if $(filter check,$@),$(LAB))

# For tests/test-layers.sh.
list-threaded:
	@printf '%s\n' $(TSAN_SRC)

# Do the unit tests find small faults? Takes an hour; MUTANTS="WORD..." only those that match.
check-mutants: config.mak
	@$(SRCDIR)/tests/mutants $(MUTANTS)

# ---- Run, install, release ----

run: $(LKVM)
	@LKVM=$(CURDIR)/lkvm $(SRCDIR)/tests/lab/demo

MAN := $(DESTDIR)$(PREFIX)/share/man
LIBDIR := $(DESTDIR)$(PREFIX)/lib
HEADERS := $(DESTDIR)$(PREFIX)/include/vmgdb
PUBLIC := kvm/kvm-gdb.h $(addprefix gdbstub/,gdbstub.h target.h regs.h log.h)
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(MAN)/man1 $(MAN)/man7 $(LIBDIR)/vmgdb $(LIBDIR)/pkgconfig
	install -d $(addprefix $(HEADERS)/,$(sort $(dir $(PUBLIC))))
	install -m 755 lkvm vmgdb $(DESTDIR)$(PREFIX)/bin/
	install -m 644 $(LIB) $(LIBDIR)/libvmgdb.a
	install -m 755 $(SHARED) $(LIBDIR)/$(SONAME)
	ln -sf $(SONAME) $(LIBDIR)/libvmgdb.so
	install -m 755 $(PRELOAD) $(LIBDIR)/vmgdb/
	sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|' $(SRCDIR)/plugin/vmgdb.pc.in \
		>$(LIBDIR)/pkgconfig/vmgdb.pc
	for h in $(PUBLIC); do install -m 644 $(SRCDIR)/$$h $(HEADERS)/$$h || exit; done
	install -m 644 $(SRCDIR)/docs/lkvm-run.1 $(SRCDIR)/docs/vmgdb.1 $(MAN)/man1/
	install -m 644 $(SRCDIR)/docs/vmgdb.7 $(MAN)/man7/vmgdb.7
uninstall:
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/bin/,lkvm vmgdb) \
		$(addprefix $(MAN)/,man1/lkvm-run.1 man1/vmgdb.1 man7/vmgdb.7)
	rm -f $(LIBDIR)/libvmgdb.a $(LIBDIR)/libvmgdb.so $(LIBDIR)/$(SONAME) $(LIBDIR)/pkgconfig/vmgdb.pc
	rm -rf $(LIBDIR)/vmgdb $(HEADERS)
dist:
	git -C $(SRCDIR) archive --prefix=vmgdb-$(VERSION)/ HEAD | gzip -9n >vmgdb-$(VERSION).tar.gz
	@echo vmgdb-$(VERSION).tar.gz
clean:
	rm -rf $(B) lkvm vmgdb
distclean: clean
	rm -f config.mak
lint: $(B)/xml/resources.h
	@BUILD=$(CURDIR)/$(B) $(SRCDIR)/tests/lint

.PHONY: all tests fuzzers run check check-quick check-mutants check-unit check-kvm check-lab check-asan check-tsan check-san
.PHONY: list-threaded san-asan san-tsan fuzz bench bench-build bench-check install uninstall dist clean distclean lint
.DELETE_ON_ERROR:
.SECONDARY:
