# video-server. `make help` lists the targets.

BUILD    ?= build
OBJ      := $(BUILD)/obj
CC       ?= cc
PACKAGES := fcgi libpq json-c uuid libsodium libmd
JOBS     := $(shell nproc)
VERSION  := $(shell cat VERSION)

CFLAGS   ?= -O2 -g
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla \
            -Wno-missing-field-initializers
HARDEN    = -fstack-protector-strong -fPIE $(if $(SANITIZE),,-D_FORTIFY_SOURCE=2)

# pkg-config runs once, and only when something is compiled or linked.
PACKAGE_CFLAGS = $(eval PACKAGE_CFLAGS := $(shell pkg-config --cflags $(PACKAGES)))$(PACKAGE_CFLAGS)
PACKAGE_LIBS   = $(eval PACKAGE_LIBS := $(shell pkg-config --libs $(PACKAGES)))$(PACKAGE_LIBS)

COMPILE = $(CC) -std=c11 -D_GNU_SOURCE -I. $(WARNINGS) $(HARDEN) -pthread $(PACKAGE_CFLAGS) $(CPPFLAGS) $(CFLAGS) \
          $(SANITIZE)
LINK    = $(CC) -pie -Wl,-z,relro,-z,now -pthread $(SANITIZE) $(LDFLAGS)

PROGRAMS := fcgi-api fcgi-stream scheduler vsctl
PARTS    := lib $(PROGRAMS)

# The objects of each part. Those of a program leave out its main().
generated_lib      := $(OBJ)/db/migrations.o
generated_fcgi-api := $(OBJ)/fcgi-api/common_passwords.o $(OBJ)/fcgi-api/openapi_document.o
GENERATED          := $(generated_lib) $(generated_fcgi-api) $(OBJ)/t/next/migrations.o
sources_of          = $(filter-out %/main.c,$(wildcard $(1)/*.c $(1)/*/*.c))
objects_of          = $(patsubst %.c,$(OBJ)/%.o,$(call sources_of,$(1))) $(generated_$(1))

UNIT_TESTS := $(patsubst t/unit/%.c,$(BUILD)/unit/%.t,$(wildcard t/unit/*/*.c t/unit/*/*/*.c))
UNIT_TOOLS := $(patsubst %.c,$(OBJ)/%.o,$(wildcard t/unit/*.c))

# Parsers with a fuzz target in t/fuzz; an input that made one fail is kept in t/fuzz/corpus/NAME.
FUZZED := $(notdir $(wildcard t/fuzz/corpus/*))

# The programs once more, with a scheduler and an fcgi-stream in which tests inject faults.
FAULTY := $(PROGRAMS:%=$(BUILD)/fault/%)

# The daemons of a later version: they have one more migration (t/42-schema.t).
NEXT := $(patsubst %,$(BUILD)/next/%,fcgi-api fcgi-stream scheduler)

.PHONY: all help run start stop status test test-unit check-asan check-tsan soak fuzz lint screenshots bench \
        format clean packages docs FORCE

all: $(PROGRAMS:%=$(BUILD)/%) ## build the programs

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: packages ## install missing packages, build, run the site in the foreground (Ctrl-C stops it)
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@exec deploy/site run

start: packages ## install missing packages, build, run the site in the background
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@deploy/site start

stop: ## stop the site that make start started
	@deploy/site stop

status: ## show whether the site is running, and its address
	@deploy/site status || [ $$? = 3 ]

test: ## install missing packages, build, run all tests, or those in TESTS
	@deploy/install-packages run test
	@$(MAKE) --no-print-directory -j$(JOBS) DEVELOPER=1 all $(UNIT_TESTS) $(FAULTY) $(NEXT) \
	    $(FUZZED:%=$(BUILD)/replay/%)
	@VS_BUILD=$(BUILD) t/run -j$(JOBS) $(TESTS)

TESTS = $(UNIT_TESTS) t t/browser

test-unit: ## run only the unit tests: takes seconds, starts no site
	@$(MAKE) --no-print-directory -j$(JOBS) DEVELOPER=1 $(UNIT_TESTS)
	@t/run -j$(JOBS) $(UNIT_TESTS)

check-asan: ## run all tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@$(MAKE) --no-print-directory BUILD=build-asan CFLAGS='-O1 -g -fno-omit-frame-pointer' \
	    SANITIZE='-fsanitize=address,undefined -fno-sanitize-recover=undefined' test

check-tsan: ## run the tests of multi-threaded code under ThreadSanitizer
	@deploy/install-packages run test
	@TSAN_OPTIONS=suppressions=$(CURDIR)/t/tsan.supp $(MAKE) --no-print-directory BUILD=build-tsan CFLAGS='-O1 -g' \
	    SANITIZE='-fsanitize=thread' TESTS='$(TSAN_TESTS)' test

TSAN_TESTS = $(UNIT_TESTS:$(BUILD)/%=build-tsan/%) t/20-story.t t/39-together.t t/59-small-files.t \
             t/60-scheduler.t

lint: ## run clang-tidy, cppcheck, gcc -fanalyzer, shellcheck, perlcritic and clang-format
	@deploy/install-packages run lint
	@t/lint

fuzz: ## run libFuzzer on the parsers, FUZZ_SECONDS (60) each
	@deploy/install-packages run fuzz
	@$(MAKE) --no-print-directory -j$(JOBS) BUILD=build-fuzz CC=clang CFLAGS='-O1 -g -fsanitize=fuzzer-no-link' \
	    SANITIZE='-fsanitize=address,undefined -fno-sanitize-recover=undefined' $(FUZZED:%=build-fuzz/fuzz/%)
	@set -e; for name in $(FUZZED); do \
	    mkdir -p build-fuzz/corpus/$$name; \
	    build-fuzz/fuzz/$$name -max_total_time=$(FUZZ_SECONDS) -timeout=10 -artifact_prefix=build-fuzz/$$name- \
	        build-fuzz/corpus/$$name t/fuzz/corpus/$$name; \
	done

FUZZ_SECONDS ?= 60

soak: ## run the fault tests of tokens and deletions in their long form, SOAK (20) times
	@deploy/install-packages run test
	@$(MAKE) --no-print-directory -j$(JOBS) all $(FAULTY)
	@for round in $$(seq $(SOAK)); do \
	    echo "round $$round of $(SOAK)"; \
	    VS_SOAK=1 VS_BUILD=$(BUILD) t/run -j2 $(SOAK_TESTS) || exit 1; \
	done

SOAK ?= 20
SOAK_TESTS = t/51-tokens.t t/54-database-down.t t/55-views.t t/57-token-faults.t t/59-small-files.t \
             t/61-scheduler-faults.t t/64-scheduler-leases.t t/65-scheduler-stop.t

screenshots: ## take screenshots of all pages of the website, into build/screenshots; update the README's
	@deploy/install-packages run test
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@VS_BUILD=$(BUILD) t/browser/screenshots $(BUILD)/screenshots
	@cp $(BUILD)/screenshots/home-desktop-light.png docs/screenshot.png

bench: ## run the benchmarks, which print ratios within one run
	@deploy/install-packages run bench
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@bench/run

docs: ## write docs/configuration.md from the table of settings
	@$(MAKE) --no-print-directory -j$(JOBS) $(BUILD)/fcgi-api
	@mkdir -p docs
	@$(BUILD)/fcgi-api --help=markdown > docs/configuration.md

format: ## format the C code
	clang-format -i $$(git ls-files '*.c' '*.h')

clean: ## remove build output
	rm -rf build build-asan build-fuzz build-tsan

packages:
	@deploy/install-packages run

# A file that is rewritten only when its content changes: what depends on it is rebuilt then.
define stamp
@mkdir -p $(@D)
@printf '%s\n' '$(1)' | cmp -s - $@ || printf '%s\n' '$(1)' > $@
endef

$(OBJ)/flags: FORCE
	$(call stamp,$(subst ','\'',$(COMPILE) $(LINK) $(PACKAGE_LIBS) $(VERSION)))

$(PARTS:%=$(OBJ)/%.list): $(OBJ)/%.list: FORCE
	$(call stamp,$(call objects_of,$*))

# vsctl reads what the daemons keep, and does on demand what the scheduler does on its own.
libraries_fcgi-api    := fcgi-api lib
libraries_fcgi-stream := fcgi-stream lib
libraries_scheduler   := scheduler lib
libraries_vsctl       := vsctl fcgi-stream scheduler lib
archives_of            = $(patsubst %,$(OBJ)/%.a,$(libraries_$(1)))
libraries_lib         := lib

define part
$(OBJ)/$(1).a: $(call objects_of,$(1)) $(OBJ)/$(1).list
	@rm -f $$@
	@ar rcs $$@ $$(filter %.o,$$^)

# t/unit/PATH/NAME.c tests PATH/NAME.c; files directly in t/unit are linked to all of them.
$(BUILD)/unit/$(1)/%.t: $(OBJ)/t/unit/$(1)/%.o $(UNIT_TOOLS) $(call archives_of,$(1))
	@mkdir -p $$(@D)
	@echo "  LINK $$@"
	@$$(LINK) -o $$@ $$^ $$(PACKAGE_LIBS)
endef
$(foreach name,$(PARTS),$(eval $(call part,$(name))))

define program
$(BUILD)/$(1): $(OBJ)/$(1)/main.o $(call archives_of,$(1))
	@echo "  LINK $$@"
	@$$(LINK) -o $$@ $$^ $$(PACKAGE_LIBS)
endef
$(foreach name,$(PROGRAMS),$(eval $(call program,$(name))))

define next
$(BUILD)/next/$(1): $(OBJ)/$(1)/main.o $(OBJ)/t/next/migrations.o $(call archives_of,$(1))
	@mkdir -p $$(@D)
	@echo "  LINK $$@"
	@$$(LINK) -o $$@ $$^ $$(PACKAGE_LIBS)
endef
$(foreach name,$(notdir $(NEXT)),$(eval $(call next,$(name))))

wrap = $(patsubst %,-Wl$(comma)--wrap=%,$(1))
comma := ,

$(BUILD)/fault/scheduler: $(OBJ)/scheduler/main.o $(OBJ)/t/fault/step.o $(call archives_of,scheduler)
	@mkdir -p $(@D)
	@rm -f $@
	@echo "  LINK $@"
	@$(LINK) -o $@ $^ $(call wrap,unlink fsync syncfs realloc) $(PACKAGE_LIBS)

$(BUILD)/fault/fcgi-stream: $(OBJ)/fcgi-stream/main.o $(OBJ)/t/fault/step.o $(OBJ)/t/fault/upload.o \
                            $(OBJ)/t/fault/token.o $(call archives_of,fcgi-stream)
	@mkdir -p $(@D)
	@rm -f $@
	@echo "  LINK $@"
	@$(LINK) -o $@ $^ $(call wrap,unlink fsync syncfs rename media_write sync_file_range PQsendQueryPrepared \
	    PQgetResult accounting_work bucket_acquire realloc) $(PACKAGE_LIBS)

$(BUILD)/fault/%: $(BUILD)/%
	@mkdir -p $(@D)
	@ln -sf ../$(<F) $@

# A fuzz target reads its corpus; `make fuzz` links it to libFuzzer instead.
$(BUILD)/replay/%: $(OBJ)/t/fuzz/%.o $(OBJ)/t/fuzz/fuzz_file.o $(OBJ)/t/fuzz/replay.o $(call archives_of,fcgi-stream)
	@mkdir -p $(@D)
	@echo "  LINK $@"
	@$(LINK) -o $@ $^ $(PACKAGE_LIBS)

$(BUILD)/fuzz/%: $(OBJ)/t/fuzz/%.o $(OBJ)/t/fuzz/fuzz_file.o $(call archives_of,fcgi-stream)
	@mkdir -p $(@D)
	@echo "  LINK $@"
	@$(LINK) -o $@ $^ -fsanitize=fuzzer $(PACKAGE_LIBS)

$(OBJ)/lib/base/version.o: private COMPILE += -DVERSION='"$(VERSION)"'

$(OBJ)/%.o: %.c $(OBJ)/flags
	@mkdir -p $(@D)
	@echo "  CC   $@"
	@$(COMPILE) $(if $(DEVELOPER),-Werror) -MMD -MP -c -o $@ $<

$(OBJ)/fcgi-api/openapi_document.c: fcgi-api/embed fcgi-api/openapi.json
	@mkdir -p $(@D)
	@$^ > $@.new && mv $@.new $@

$(OBJ)/db/migrations.c: db/embed $(wildcard db/*.sql)
	@mkdir -p $(@D)
	@db/embed > $@.new && mv $@.new $@

$(OBJ)/t/next/migrations.c: db/embed $(wildcard db/*.sql t/next/*.sql)
	@mkdir -p $(@D)
	@db/embed t/next > $@.new && mv $@.new $@

$(OBJ)/fcgi-api/common_passwords.c: fcgi-api/embed_passwords fcgi-api/common_passwords.txt
	@mkdir -p $(@D)
	@fcgi-api/embed_passwords > $@.new && mv $@.new $@

$(GENERATED): %.o: %.c $(OBJ)/flags
	@echo "  CC   $@"
	@$(COMPILE) $(if $(DEVELOPER),-Werror) -c -o $@ $<

.SECONDARY:
.DELETE_ON_ERROR:

-include $(shell find $(OBJ) -name '*.d' 2>/dev/null)
