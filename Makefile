# rowferry: see README.md. `make` builds build/rowferry; `make check` needs no server;
# `make test` installs what is missing and runs everything.
#
# VARIANT= (release), asan, tsan, failpoints, cover; mutants are built by `make mutants`.

PREFIX  ?= /usr/local
DESTDIR ?=
CC      ?= gcc
PYTHON  ?= python3
VARIANT ?=
WERROR  ?= -Werror
Q       ?= @
ifeq ($(MAKELEVEL),0)
  MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 2)
endif

B := build$(if $(VARIANT),/$(VARIANT))

PACKAGES := libpq rdkafka avro-c jansson yaml-0.1 libcurl sqlite3 libcrypto libmariadb libzstd zlib
ifneq ($(filter-out install-deps clean layers format,$(or $(MAKECMDGOALS),all)),)
  PKG_MISSING := $(shell pkg-config --exists $(PACKAGES) 2>/dev/null && command -v $(CC) >/dev/null 2>&1 || echo yes)
  ifeq ($(PKG_MISSING),yes)
    $(info installing what the build needs)
    INSTALLED := $(shell deploy/install-deps.sh build 1>&2; echo $$?)
    ifneq ($(INSTALLED),0)
      $(error what the build needs could not be installed: see above)
    endif
  endif
endif

# Hardening, each flag probed: an older or other compiler leaves out what it does not know.
comma := ,
probe = $(shell echo 'int main(void){return 0;}' | $(CC) -Werror $(1) -x c - -o /dev/null 2>/dev/null && echo '$(1)')
HARDEN_CACHE := build/.harden-$(notdir $(CC)).mk
-include $(HARDEN_CACHE)
ifndef HARDEN_C
  HARDEN_C := $(foreach f,-fstack-clash-protection -fstack-protector-strong -fcf-protection=full \
      -fno-delete-null-pointer-checks -fno-strict-overflow -fno-strict-aliasing \
      -ftrivial-auto-var-init=zero -fstrict-flex-arrays=3 -Wtrampolines -Wbidi-chars=any \
      -Wimplicit-fallthrough -Wno-format-truncation,$(call probe,$(f)))
  HARDEN_L := $(foreach f,noexecstack relro now nodlopen,$(call probe,-Wl$(comma)-z$(comma)$(f))) -Wl,--as-needed
  $(shell mkdir -p build; printf 'HARDEN_C := %s\nHARDEN_L := %s\n' '$(HARDEN_C)' '$(HARDEN_L)' > $(HARDEN_CACHE))
endif

WARN := -Wall -Wextra -Wshadow -Wformat=2 -Wconversion -Wsign-conversion -Wstrict-prototypes \
        -Werror=implicit -Werror=incompatible-pointer-types -Werror=int-conversion $(WERROR)
BASE := -std=c11 -D_GNU_SOURCE -g -Iinclude $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null) \
        -ffile-prefix-map=$(CURDIR)=. -MMD -MP -pthread $(WARN)

ifeq ($(VARIANT),asan)
  OPT := -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all -DCDC_FAILPOINTS
  LINK := -fsanitize=address,undefined
else ifeq ($(VARIANT),tsan)
  OPT := -O1 -fsanitize=thread -DCDC_FAILPOINTS
  THREADS := $(B)/obj/tests/support/tsan_threads.o
  LINK := -fsanitize=thread $(THREADS)
else ifeq ($(VARIANT),failpoints)
  OPT := -O2 -DCDC_FAILPOINTS
else
  OPT := -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 $(HARDEN_C) -fPIE
  LINK := -pie $(HARDEN_L)
endif
CFLAGS_ALL := $(BASE) $(OPT) $(CFLAGS) $(DEFS)
LIBS := $(shell pkg-config --libs $(PACKAGES) 2>/dev/null) -lm

SRC  := $(sort $(shell find cdc schema sinks -name '*.c'))
LIB  := $(filter-out cdc/main.c,$(SRC))
OBJ  := $(SRC:%.c=$(B)/obj/%.o)
LOBJ := $(LIB:%.c=$(B)/obj/%.o)
UNIT := $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(wildcard tests/unit/test_*.c))
PIPE := $(patsubst tests/pipeline/%.c,$(B)/tests/pipeline/%,$(wildcard tests/pipeline/test_*.c))
BENCH := $(patsubst tests/bench/%.c,$(B)/tests/bench/%,$(wildcard tests/bench/*.c))
FUZZ := $(patsubst tests/fuzz/%.c,build/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
REPLAY := $(patsubst tests/fuzz/%.c,$(B)/tests/replay/%,$(wildcard tests/fuzz/fuzz_*.c))

.PHONY: all check test soak demo demo-kafka bench bench-peers fuzz fuzz-build layers format install \
        dist clean install-deps unit variants mutants docs tools
.SECONDARY:

all: $(B)/rowferry

$(B)/rowferry: $(OBJ) $(THREADS)
	@mkdir -p $(@D)
	@echo "  LD $@"
	$(Q)$(CC) $(CFLAGS_ALL) $(LINK) $(OBJ) $(LIBS) -o $@

$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC $@"
	$(Q)$(CC) $(CFLAGS_ALL) -c $< -o $@

$(B)/librowferry.a: $(LOBJ)
	@rm -f $@
	$(Q)ar rcs $@ $(LOBJ)

$(B)/tests/%: tests/%.c $(B)/librowferry.a $(THREADS)
	@mkdir -p $(@D)
	@echo "  LD $@"
	$(Q)$(CC) $(CFLAGS_ALL) $(LINK) $< $(B)/librowferry.a $(if $(findstring test_,$@),-lcmocka) $(LIBS) -o $@

# A fuzz target run over its corpus as an ordinary test: no fuzzer needed.
$(B)/tests/replay/%: tests/fuzz/%.c tests/fuzz/replay.c $(B)/librowferry.a $(THREADS)
	@mkdir -p $(@D)
	@echo "  LD $@"
	$(Q)$(CC) $(CFLAGS_ALL) $(LINK) $< tests/fuzz/replay.c $(B)/librowferry.a $(LIBS) -o $@

unit: $(UNIT) $(PIPE) $(REPLAY)

check: all layers unit
	@tests/run check

test:
	@deploy/install-deps.sh test
	@$(MAKE) --no-print-directory all unit tools
	@$(MAKE) --no-print-directory variants
	@$(MAKE) --no-print-directory mutants
	@tests/run test

soak:
	@deploy/install-deps.sh test
	@$(MAKE) --no-print-directory all unit tools
	@$(MAKE) --no-print-directory variants
	@$(MAKE) --no-print-directory mutants
	@tests/run soak

# The same code, instrumented; and with one law broken on purpose, so that its test must fail.
variants:
	@$(MAKE) --no-print-directory VARIANT=failpoints all
	@$(MAKE) --no-print-directory VARIANT=asan all unit
	@$(MAKE) --no-print-directory VARIANT=tsan all unit

# A mutant is the failpoints variant with the files that know it compiled anew.
MUTANTS := NO_TAINT OFFSET_OUTSIDE NO_FENCE ACK_EARLY NO_SKIP NO_GAP XA_EARLY
# Those that a unit test is enough to catch, linked with it.
UNIT_MUTANTS := NO_SKIP/test_binlog_resume XA_EARLY/test_binlog_xa
ifeq ($(VARIANT),failpoints)
define mutant
MUTATED := $$(shell grep -lw MUTANT_$(1) $$(SRC))
ifeq ($$(MUTATED),)
  $$(error no file mentions MUTANT_$(1))
endif
build/mutants/$(1)/rowferry: $$(MUTATED:%.c=build/mutants/$(1)/%.o) \
                             $$(patsubst %.c,$$(B)/obj/%.o,$$(filter-out $$(MUTATED),$$(SRC)))
	@echo "  LD $$@"
	$(Q)$$(CC) $$(CFLAGS_ALL) $$(LINK) $$^ $$(LIBS) -o $$@
build/mutants/$(1)/test_%: tests/unit/test_%.c $$(MUTATED:%.c=build/mutants/$(1)/%.o) \
                           $$(patsubst %.c,$$(B)/obj/%.o,$$(filter-out $$(MUTATED),$$(LIB)))
	@echo "  LD $$@"
	$(Q)$$(CC) $$(CFLAGS_ALL) $$(LINK) $$^ -lcmocka $$(LIBS) -o $$@
build/mutants/$(1)/%.o: %.c
	@mkdir -p $$(@D)
	@echo "  CC $$@"
	$(Q)$$(CC) $$(CFLAGS_ALL) -Wno-error -DMUTANT_$(1) -c $$< -o $$@
-include $$(MUTATED:%.c=build/mutants/$(1)/%.d) $$(wildcard build/mutants/$(1)/*.d)
endef
$(foreach m,$(MUTANTS),$(eval $(call mutant,$(m))))
mutants: $(MUTANTS:%=build/mutants/%/rowferry) $(UNIT_MUTANTS:%=build/mutants/%)
else
mutants $(MUTANTS:%=build/mutants/%/rowferry):
	@$(MAKE) --no-print-directory VARIANT=failpoints $@
.PHONY: $(MUTANTS:%=build/mutants/%/rowferry)
endif

tools: $(BENCH)

# SOURCE=mariadb or mysql for another server than PostgreSQL; SINK likewise, the source's kind by default.
SOURCE ?= postgresql
SINK ?= $(SOURCE)

demo:
	@deploy/install-deps.sh demo $(SOURCE) $(SINK)
	@$(MAKE) --no-print-directory all
	@deploy/demo/demo.sh database $(SOURCE) $(SINK)

demo-kafka:
	@deploy/install-deps.sh demo-kafka $(SOURCE)
	@$(MAKE) --no-print-directory all
	@deploy/demo/demo-kafka.sh $(SOURCE)

bench: all tools
	@deploy/install-deps.sh test
	@tests/bench/run

bench-peers: all tools
	@deploy/install-deps.sh test
	@tests/bench/run --peers

# With libFuzzer; the library is compiled once for all targets.
FUZZ_FLAGS := $(filter-out -Werror,$(BASE)) -Wno-format-nonliteral -Wno-string-concatenation -O1 \
              -fno-omit-frame-pointer -fno-sanitize-recover=undefined \
              -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
fuzz-build: $(FUZZ)
build/fuzz/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC $@"
	$(Q)clang $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link,address,undefined -c $< -o $@
build/fuzz/librowferry.a: $(LIB:%.c=build/fuzz/obj/%.o)
	@rm -f $@
	$(Q)ar rcs $@ $^
build/fuzz/fuzz_%: tests/fuzz/fuzz_%.c build/fuzz/librowferry.a
	@echo "  LD $@"
	$(Q)clang $(FUZZ_FLAGS) -fsanitize=fuzzer,address,undefined $< build/fuzz/librowferry.a $(LIBS) -o $@

# FUZZ_SECONDS for each target (60).
fuzz: fuzz-build
	@tests/fuzz/run $(FUZZ)

layers:
	@tests/layers.sh

format:
	clang-format -i $(shell git ls-files '*.c' '*.h')

docs: all
	build/rowferry help config --markdown > docs/configuration-reference.md

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/doc/rowferry
	install -m 755 $(B)/rowferry $(DESTDIR)$(PREFIX)/bin/rowferry
	install -m 644 README.md LICENSE CHANGELOG.md docs/*.md $(DESTDIR)$(PREFIX)/share/doc/rowferry/

dist:
	@mkdir -p build
	git archive --prefix=rowferry-0.1.0/ HEAD | gzip -n > build/rowferry-0.1.0.tar.gz

install-deps:
	deploy/install-deps.sh build

clean:
	rm -rf build

-include $(OBJ:.o=.d) $(LIB:%.c=build/fuzz/obj/%.d) $(addsuffix .d,$(UNIT) $(PIPE) $(REPLAY) $(FUZZ) $(BENCH))
