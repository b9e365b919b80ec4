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

LIBRARIES := libbpf libelf libdw jansson
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
CFLAGS ?= -O2 -g
HARDENING ?= -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
USER_CFLAGS = -std=gnu11 -D_GNU_SOURCE $(WARNINGS) $(if $(WERROR),-Werror) -I$(BUILD) -MMD -MP \
	$(shell $(PKG_CONFIG) --cflags $(LIBRARIES) 2>/dev/null)
LDLIBS = $(shell $(PKG_CONFIG) --libs $(LIBRARIES))
LINKING := -pie -Wl,-z,relro,-z,now

# -mcpu=v3: 32-bit jumps (5.1), without which bounds on 32-bit values are lost. <asm/types.h> is below the multiarch
# directory on Debian and Ubuntu only.
MULTIARCH := $(wildcard /usr/include/$(ARCH)-linux-gnu)
BPF_CFLAGS := -g -O2 -mcpu=v3 -target bpf -D__TARGET_ARCH_$(BPF_ARCH) $(addprefix -idirafter ,$(MULTIARCH)) \
	-Ivmlinux -Ibpf -Wall -Wextra -Wshadow -Wno-unused-parameter $(if $(WERROR),-Werror) -MMD -MP

BPF_OBJECTS := $(patsubst bpf/%.bpf.c,$(BUILD)/bpf/%.bpf.o,$(wildcard bpf/*.bpf.c))
USER_OBJECTS := $(patsubst user/%.c,$(BUILD)/user/%.o,$(wildcard user/*.c))
SKELETON := $(BUILD)/vmasnoop.skel.h

WORKLOAD_SHARED := $(addprefix tests/workloads/,fill.c oracle.c crew.c work.c)
WORKLOADS := $(patsubst tests/workloads/%.c,$(BUILD)/workloads/%,$(filter-out $(WORKLOAD_SHARED),$(wildcard tests/workloads/*.c)))
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/test_*.c))

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-8s %s\n' $(1) $(2))

.PHONY: all demo check fmt clean help deps tests lint unit
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

$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c Makefile | $(BUILD)/bpf
	$(call say,BPF,$<)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@

$(BUILD)/vmasnoop.bpf.o: $(BPF_OBJECTS)
	$(call say,BPFLINK,$@)
	$(Q)$(BPFTOOL) gen object $@ $^

$(SKELETON): $(BUILD)/vmasnoop.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name vmasnoop_bpf >$@

# Frame pointers, so that the workloads' own frames are found by every kind of unwinding.
$(BUILD)/workloads/%: tests/workloads/%.c $(WORKLOAD_SHARED) $(wildcard tests/workloads/*.h) | $(BUILD)/workloads
	$(call say,CC,$<)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -O2 -g -fno-omit-frame-pointer -fno-optimize-sibling-calls $(WARNINGS) \
		$(if $(WERROR),-Werror) $< $(WORKLOAD_SHARED) -o $@ -pthread

# --- tests ---

.SECONDARY: # objects that only a pattern rule names are kept

SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
UNIT_OBJECTS := $(patsubst user/%.c,$(BUILD)/asan/%.o,$(filter-out user/main.c user/cmd_%.c user/tracer.c user/feature.c user/misses.c user/kretprobe.c,$(wildcard user/*.c)))

# The maker of raw records that the unit and the replay tests share.
RECORDS := $(BUILD)/asan/records.o
REPLAY_TOOLS := $(BUILD)/make_captures $(BUILD)/mutate

tests: $(BUILD)/verify $(BUILD)/compare $(BUILD)/btf_contract $(UNIT_TESTS) $(REPLAY_TOOLS) all

lint: ## the rules that can be read off the sources
	tests/lint/run

unit: $(UNIT_TESTS) ## the unit tests alone, under ASan and UBSan
	$(Q)for test in $(UNIT_TESTS); do $$test || exit 1; done

$(BUILD)/asan/%.o: user/%.c Makefile | $(BUILD)/asan
	$(call say,CC,"$< (ASan UBSan)")
	$(Q)$(CC) -O1 -g $(SANITIZE) $(USER_CFLAGS) -c $< -o $@

$(BUILD)/unit/%: tests/unit/%.c $(UNIT_OBJECTS) $(RECORDS) Makefile | $(BUILD)/unit
	$(call say,CC,"$< (ASan UBSan)")
	$(Q)$(CC) -O1 -g $(SANITIZE) $(USER_CFLAGS) -Iuser -Itests/unit $< $(UNIT_OBJECTS) $(RECORDS) -o $@ $(LDLIBS) \
		$(shell $(PKG_CONFIG) --cflags --libs cmocka) -ldl -pthread

$(RECORDS): tests/unit/records.c Makefile | $(BUILD)/asan
	$(call say,CC,"$< (ASan UBSan)")
	$(Q)$(CC) -O1 -g $(SANITIZE) $(USER_CFLAGS) -c $< -o $@

$(REPLAY_TOOLS): $(BUILD)/%: tests/replay/%.c $(UNIT_OBJECTS) $(BUILD)/asan/cmd_replay.o $(RECORDS) Makefile
	$(call say,CC,"$< (ASan UBSan)")
	$(Q)$(CC) -O1 -g $(SANITIZE) $(USER_CFLAGS) -Iuser -Itests/unit $(filter %.c %.o,$^) -o $@ $(LDLIBS)

$(BUILD)/verify: tests/verifier/verify.c $(SKELETON)
	$(call say,CC,$<)
	$(Q)$(CC) -O1 -g $(USER_CFLAGS) -Ibpf $< -o $@ $(shell $(PKG_CONFIG) --libs libbpf)

$(BUILD)/btf_contract: tests/verifier/btf_contract.c $(SKELETON)
	$(call say,CC,$<)
	$(Q)$(CC) -O1 -g $(USER_CFLAGS) -Ibpf $< -o $@ $(shell $(PKG_CONFIG) --libs libbpf)

$(BUILD)/compare: $(wildcard tests/oracle/*.c) $(wildcard tests/oracle/*.h)
	$(call say,CC,$@)
	$(Q)$(CC) -O1 -g -std=gnu11 -D_GNU_SOURCE $(WARNINGS) $(if $(WERROR),-Werror) $(filter %.c,$^) -o $@ \
		$(shell $(PKG_CONFIG) --cflags --libs jansson)

$(BUILD)/user $(BUILD)/bpf $(BUILD)/workloads $(BUILD)/asan $(BUILD)/unit:
	$(Q)mkdir -p $@

fmt: ## format the sources
	clang-format -i $(shell git ls-files '*.c' '*.h')

clean: ## remove what was built (the kernels for the tests stay)
	rm -rf $(filter-out $(BUILD)/vm,$(wildcard $(BUILD)/*))

-include $(wildcard $(BUILD)/user/*.d $(BUILD)/bpf/*.d $(BUILD)/asan/*.d $(BUILD)/unit/*.d $(BUILD)/*.d)
