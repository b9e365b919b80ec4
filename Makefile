# SPDX-License-Identifier: GPL-2.0-or-later
# The only makefile. `make help` says what there is; V=1 shows the commands; BUILD=DIR builds elsewhere.

BUILD ?= build
CC ?= gcc
CLANG ?= clang
PKG_CONFIG ?= pkg-config
# Debian keeps it in /usr/sbin, which is not on everyone's PATH. Ubuntu's there is a script up to 25.04, which refuses to
# work unless the tools of the very kernel that runs are installed; those of any kernel do.
BPFTOOL ?= $(firstword $(wildcard /usr/lib/linux-tools/*/bpftool /usr/sbin/bpftool /usr/bin/bpftool) bpftool)

ARCH := $(shell uname -m)
ifneq ($(ARCH),x86_64)
$(error vmasnoop knows x86-64 only so far, and this is $(ARCH): see bpf/kernel.h)
endif
BPF_ARCH := x86

LIBRARIES := libbpf libelf libdw libseccomp jansson
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
CFLAGS ?= -O2 -g
HARDENING ?= -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
USER_CFLAGS = -std=gnu11 -D_GNU_SOURCE $(WARNINGS) $(if $(WERROR),-Werror) -I$(BUILD) -MMD -MP \
	$(shell $(PKG_CONFIG) --cflags $(LIBRARIES) 2>/dev/null)
# libiberty is a static library without a .pc file.
LDLIBS = $(shell $(PKG_CONFIG) --libs $(LIBRARIES)) -liberty
LINKING := -pie -Wl,-z,relro,-z,now

# -mcpu=v3: 32-bit jumps (5.1), without which bounds on 32-bit values are lost. <asm/types.h> is below the multiarch
# directory on Debian and Ubuntu only.
MULTIARCH := $(wildcard /usr/include/$(ARCH)-linux-gnu)
BPF_CFLAGS := -g -O2 -mcpu=v3 -target bpf -D__TARGET_ARCH_$(BPF_ARCH) $(addprefix -idirafter ,$(MULTIARCH)) \
	-Ivmlinux -Ibpf -Wall -Wextra -Wshadow -Wno-unused-parameter $(if $(WERROR),-Werror) -MMD -MP

# Of the tracer; census.bpf.c is an object of its own.
BPF_OBJECTS := $(patsubst bpf/%.bpf.c,$(BUILD)/bpf/%.bpf.o,$(filter-out bpf/census.bpf.c,$(wildcard bpf/*.bpf.c)))
USER_OBJECTS := $(patsubst user/%.c,$(BUILD)/user/%.o,$(wildcard user/*.c))
SKELETON := $(BUILD)/vmasnoop.skel.h
CENSUS_SKELETON := $(BUILD)/census.skel.h

WORKLOAD_SHARED := $(addprefix tests/workloads/,fill.c oracle.c crew.c work.c memory_cgroup.c)
WORKLOADS := $(patsubst tests/workloads/%.c,$(BUILD)/workloads/%,$(filter-out $(WORKLOAD_SHARED),$(wildcard tests/workloads/*.c)))
# One workload of many files: tables of calls that fail.
PROVOKE := $(BUILD)/workloads/provoke
WORKLOADS += $(PROVOKE)
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/test_*.c))
FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/unit/fuzz_%,$(wildcard tests/fuzz/*.c))

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-8s %s\n' $(1) $(2))

.PHONY: all demo check fmt clean help deps tests lint unit bench
.DELETE_ON_ERROR:

all: $(BUILD)/vmasnoop $(WORKLOADS) ## build the tool and the bundled workloads

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

deps: ## install what the build and the tests need
	packaging/install-deps build tests

demo: ## install what is missing, build, and show the main job on a bundled workload (as root)
	packaging/install-deps build
	+$(MAKE) --no-print-directory all
	tests/demo $(BUILD)

check: ## install what the tests need and run them all (as root)
	packaging/install-deps build tests
	tests/run

$(BUILD)/vmasnoop: $(USER_OBJECTS)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(HARDENING) $(LINKING) $(LDFLAGS) $^ -o $@ $(LDLIBS)

$(BUILD)/user/%.o: user/%.c Makefile | $(BUILD)/user
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS) $(HARDENING) $(USER_CFLAGS) -c $< -o $@

$(BUILD)/user/tracer.o: $(SKELETON)
$(BUILD)/user/census_iterator.o: $(CENSUS_SKELETON)

$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c Makefile | $(BUILD)/bpf
	$(call say,BPF,$<)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@

$(BUILD)/vmasnoop.bpf.o: $(BPF_OBJECTS)
	$(call say,BPFLINK,$@)
	$(Q)$(BPFTOOL) gen object $@ $^

$(SKELETON): $(BUILD)/vmasnoop.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name vmasnoop_bpf >$@

$(CENSUS_SKELETON): $(BUILD)/bpf/census.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name census_bpf >$@

# Frame pointers, so that the workloads' own frames are found by every kind of unwinding.
$(BUILD)/workloads/%: tests/workloads/%.c $(WORKLOAD_SHARED) $(wildcard tests/workloads/*.h) | $(BUILD)/workloads
	$(call say,CC,$<)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -O2 -g -fno-omit-frame-pointer -fno-optimize-sibling-calls $(WARNINGS) \
		$(if $(WERROR),-Werror) $< $(WORKLOAD_SHARED) -o $@ -pthread

$(PROVOKE): $(wildcard tests/workloads/provoke/*.c) $(WORKLOAD_SHARED) $(wildcard tests/workloads/*.h tests/workloads/provoke/*.h) \
		| $(BUILD)/workloads
	$(call say,CC,$@)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -O2 -g -fno-omit-frame-pointer $(WARNINGS) $(if $(WERROR),-Werror) $(filter %.c,$^) -o $@ -pthread

# --- tests ---

# Programs that know their own chain of calls, without frame pointers, linked in all ways. Their debug files lie where those
# who look for them do: beside the program, and by build-id in a directory that can be some root's /usr/lib/debug.
CHAIN := $(BUILD)/workloads/chain
CHAIN_SHARED := $(addprefix tests/workloads/,chain/chain.c fill.c oracle.c)
CHAIN_SOURCES := tests/workloads/chain/main.c $(CHAIN_SHARED)
CHAIN_HEADERS := $(wildcard tests/workloads/*.h tests/workloads/chain/*.h)
CHAIN_CFLAGS = -D_GNU_SOURCE -O2 -g -Wall -Wextra -Wshadow $(if $(WERROR),-Werror) -Wl,--build-id
CHAIN_LINKED := $(addprefix $(CHAIN),/chain /chain_static /chain_static_pie /chain_32 /chain_endless)
CHAINS := $(CHAIN_LINKED) $(addprefix $(CHAIN),/chain_stripped /chain_debuglink /chain_build_id /late.so /guest.so /crowd.so /deep)

$(CHAIN)/chain: CHAIN_HOW := -fPIE -pie -fomit-frame-pointer
$(CHAIN)/chain_static: CHAIN_HOW := -DCHAIN_STATIC -fno-pie -no-pie -static -fomit-frame-pointer
$(CHAIN)/chain_static_pie: CHAIN_HOW := -DCHAIN_STATIC -fPIE -static-pie -fomit-frame-pointer
$(CHAIN)/chain_32: CHAIN_HOW := -DCHAIN_STATIC -m32 -static -fno-omit-frame-pointer
$(CHAIN)/chain_endless: CHAIN_HOW := -fPIC -pie -fomit-frame-pointer -g0
$(CHAIN)/late.so: CHAIN_HOW := -fPIC -shared -fomit-frame-pointer
$(CHAIN)/guest.so: CHAIN_HOW := -fPIC -shared -fomit-frame-pointer
$(CHAIN)/crowd.so: CHAIN_HOW := -fPIC -shared -fomit-frame-pointer

$(CHAIN_LINKED): $(CHAIN_SOURCES)
$(CHAIN)/chain_endless: tests/workloads/chain/endless.S
$(CHAIN)/late.so: tests/workloads/chain/late.c
$(CHAIN)/guest.so: tests/workloads/chain/guest.c $(CHAIN_SHARED)
$(CHAIN)/crowd.so: tests/workloads/chain/crowd.c tests/workloads/fill.c tests/workloads/oracle.c
$(CHAIN_LINKED) $(CHAIN)/late.so $(CHAIN)/guest.so $(CHAIN)/crowd.so: $(CHAIN_HEADERS) Makefile | $(CHAIN)
	$(call say,CC,$@)
	$(Q)$(CC) -std=gnu11 $(CHAIN_CFLAGS) $(CHAIN_HOW) $(filter %.c %.S,$^) -o $@ -pthread -ldl

$(CHAIN)/deep: tests/workloads/chain/deep.cc $(CHAIN_SHARED) $(CHAIN_HEADERS) Makefile | $(CHAIN)
	$(call say,CXX,$@)
	$(Q)for file in $(CHAIN_SHARED); do $(CC) -std=gnu11 $(CHAIN_CFLAGS) -c $$file -o $@.$$(basename $$file).o || exit 1; done
	$(Q)$(CXX) -std=gnu++17 $(CHAIN_CFLAGS) -fomit-frame-pointer $< $@.*.o -o $@ -static-libstdc++ -static-libgcc -pthread

$(CHAIN)/chain_stripped: $(CHAIN)/chain
	$(Q)strip -o $@ $<

$(CHAIN)/chain_debuglink: $(CHAIN)/chain
	$(Q)objcopy --only-keep-debug $< $@.debug && chmod 644 $@.debug
	$(Q)strip -o $@ $<
	$(Q)objcopy --add-gnu-debuglink=$@.debug $@

$(CHAIN)/chain_build_id: $(CHAIN)/chain
	$(Q)strip -o $@ $<
	$(Q)id=$$(readelf -n $< | sed -n 's/.*Build ID: //p') && directory=$(CHAIN)/debug/.build-id/$$(echo $$id | cut -c 1-2) && \
		mkdir -p $$directory && cd $$directory && \
		objcopy --only-keep-debug $(abspath $<) $$(echo $$id | cut -c 3-).debug && chmod 644 *.debug

$(CHAIN):
	$(Q)mkdir -p $@

.SECONDARY: # objects that only a pattern rule names are kept

SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
UNIT_OBJECTS := $(patsubst user/%.c,$(BUILD)/asan/%.o,$(filter-out user/main.c user/cmd_%.c user/tracer.c user/census_iterator.c user/feature.c user/misses.c user/kretprobe.c user/family.c,$(wildcard user/*.c)))

# The maker of raw records that the unit and the replay tests share.
RECORDS := $(BUILD)/asan/records.o
# The programs that the symbolizer's tests look at, and what takes their stacks.
FIXTURES := $(BUILD)/unit/fixtures/built
SUBJECT := $(BUILD)/asan/subject.o
REPLAY_TOOLS := $(BUILD)/make_captures $(BUILD)/mutate

tests: $(BUILD)/verify $(BUILD)/compare $(BUILD)/compare_stack $(CHAINS) $(BUILD)/btf_contract $(UNIT_TESTS) $(FUZZERS) \
	$(REPLAY_TOOLS) $(BUILD)/symbolize all

lint: ## the rules that can be read off the sources
	tests/lint/run

unit: $(UNIT_TESTS) $(FUZZERS) ## the unit tests alone, under ASan and UBSan
	$(Q)for test in $(UNIT_TESTS) $(FUZZERS); do $$test || exit 1; done

bench: $(BUILD)/symbolize $(BUILD)/overhead $(BUILD)/vmasnoop $(CHAIN)/chain ## measure what has a target
	tests/bench/run

$(BUILD)/overhead: tests/bench/overhead.c | $(BUILD)
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS) $(USER_CFLAGS) $< -o $@ $(LDLIBS)

# As it is shipped: no sanitizer.
SYMBOLIZE_OBJECTS := $(patsubst %,$(BUILD)/user/%.o,symbolizer unwind walk symbols symbol_table source_lines separate_debug \
	perf_map ranges demangle stack maps modules module_files vdso regular_file file_id)

$(BUILD)/symbolize: tests/bench/symbolize.c tests/unit/subject.c $(SYMBOLIZE_OBJECTS) | $(FIXTURES)
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS) $(HARDENING) $(USER_CFLAGS) $^ -o $@ $(LDLIBS) $(shell $(PKG_CONFIG) --cflags --libs cmocka)

$(BUILD)/asan/%.o: user/%.c Makefile | $(BUILD)/asan
	$(call say,CC,"$< (ASan UBSan)")
	$(Q)$(CC) -O1 -g $(SANITIZE) $(USER_CFLAGS) -c $< -o $@

$(BUILD)/unit/%: tests/unit/%.c $(UNIT_OBJECTS) $(RECORDS) $(SUBJECT) Makefile | $(BUILD)/unit $(FIXTURES)
	$(call say,CC,"$< (ASan UBSan)")
	$(Q)$(CC) -O1 -g $(SANITIZE) $(USER_CFLAGS) -Iuser -Itests/unit $< $(UNIT_OBJECTS) $(RECORDS) $(SUBJECT) -o $@ $(LDLIBS) \
		$(shell $(PKG_CONFIG) --cflags --libs cmocka) -ldl -pthread

$(BUILD)/unit/fuzz_%: tests/fuzz/%.c $(UNIT_OBJECTS) $(SUBJECT) Makefile | $(BUILD)/unit $(FIXTURES)
	$(call say,CC,"$< (ASan UBSan)")
	$(Q)$(CC) -O1 -g $(SANITIZE) $(USER_CFLAGS) $< $(UNIT_OBJECTS) $(SUBJECT) -o $@ $(LDLIBS) \
		$(shell $(PKG_CONFIG) --cflags --libs cmocka) -ldl -pthread

$(FIXTURES): $(wildcard tests/unit/fixtures/*)
	$(call say,FIXTURES,$(@D))
	$(Q)tests/unit/fixtures/build $(@D)

$(RECORDS) $(SUBJECT): $(BUILD)/asan/%.o: tests/unit/%.c Makefile | $(BUILD)/asan
	$(call say,CC,"$< (ASan UBSan)")
	$(Q)$(CC) -O1 -g $(SANITIZE) $(USER_CFLAGS) -c $< -o $@

$(REPLAY_TOOLS): $(BUILD)/%: tests/replay/%.c $(UNIT_OBJECTS) $(BUILD)/asan/cmd_replay.o $(RECORDS) Makefile
	$(call say,CC,"$< (ASan UBSan)")
	$(Q)$(CC) -O1 -g $(SANITIZE) $(USER_CFLAGS) -Iuser -Itests/unit $(filter %.c %.o,$^) -o $@ $(LDLIBS)

$(BUILD)/verify: tests/verifier/verify.c $(SKELETON)
	$(call say,CC,$<)
	$(Q)$(CC) -O1 -g $(USER_CFLAGS) -Ibpf $< -o $@ $(shell $(PKG_CONFIG) --libs libbpf)

$(BUILD)/btf_contract: tests/verifier/btf_contract.c $(SKELETON) $(CENSUS_SKELETON)
	$(call say,CC,$<)
	$(Q)$(CC) -O1 -g $(USER_CFLAGS) -Ibpf $< -o $@ $(shell $(PKG_CONFIG) --libs libbpf)

$(BUILD)/compare: $(wildcard tests/oracle/*.c) $(wildcard tests/oracle/*.h)
	$(call say,CC,$@)
	$(Q)$(CC) -O2 -g -std=gnu11 -D_GNU_SOURCE $(WARNINGS) $(if $(WERROR),-Werror) $(filter %.c,$^) -o $@ \
		$(shell $(PKG_CONFIG) --cflags --libs jansson)

$(BUILD)/compare_stack: $(wildcard tests/oracle/stack/*.[ch]) $(addprefix tests/oracle/,record.c record.h calls.c differences.c)
	$(call say,CC,$@)
	$(Q)$(CC) -O2 -g -std=gnu11 -D_GNU_SOURCE $(WARNINGS) $(if $(WERROR),-Werror) $(filter %.c,$^) -o $@ \
		$(shell $(PKG_CONFIG) --cflags --libs jansson)

$(BUILD)/user $(BUILD)/bpf $(BUILD)/workloads $(BUILD)/asan $(BUILD)/unit:
	$(Q)mkdir -p $@

fmt: ## format the sources
	clang-format -i $(shell git ls-files '*.c' '*.h')

clean: ## remove what was built (the kernels for the tests stay)
	rm -rf $(filter-out $(BUILD)/vm,$(wildcard $(BUILD)/*))

-include $(wildcard $(BUILD)/user/*.d $(BUILD)/bpf/*.d $(BUILD)/asan/*.d $(BUILD)/unit/*.d $(BUILD)/*.d)
