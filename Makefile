# video-server. `make help` lists the targets.

BUILD    ?= build
OBJ      := $(BUILD)/obj
CC       ?= cc
PACKAGES := fcgi libpq json-c uuid libsodium libmd
JOBS     := $(shell nproc)

CFLAGS   ?= -O2 -g
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla -Wno-missing-field-initializers
HARDEN    = -fstack-protector-strong -fPIE $(if $(SANITIZE),,-D_FORTIFY_SOURCE=2)
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE $(WARNINGS) $(HARDEN) $(if $(DEVELOPER),-Werror) -pthread \
             -Ilib $$(pkg-config --cflags $(PACKAGES)) $(CFLAGS) $(SANITIZE)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now -pthread $(SANITIZE) $(LDFLAGS)
LIBS      = $$(pkg-config --libs $(PACKAGES))

PROGRAMS := fcgi-api fcgi-stream scheduler vsctl
LIB      := $(OBJ)/lib.a
GENERATED := $(OBJ)/db/migrations.o $(OBJ)/fcgi-api/common_passwords.o $(OBJ)/fcgi-api/openapi_document.o
LIB_OBJECTS := $(patsubst %.c,$(OBJ)/%.o,$(wildcard lib/*.c)) $(OBJ)/db/migrations.o
UNIT_TESTS  := $(patsubst t/unit/%.c,$(BUILD)/unit/%.t,$(wildcard t/unit/*/*.c))
UNIT_TOOLS  := $(patsubst %.c,$(OBJ)/%.o,$(wildcard t/unit/*.c))

# Parsers with a fuzz target in t/fuzz; what one has found belongs into t/fuzz/corpus/NAME.
FUZZED   := $(notdir $(wildcard t/fuzz/corpus/*))

# The programs once more, with a scheduler and a fcgi-stream that die and fail where a test wants it.
FAULTY   := $(PROGRAMS:%=$(BUILD)/fault/%)

objects_of = $(patsubst %.c,$(OBJ)/%.o,$(wildcard $(1)/*.c)) $(filter $(OBJ)/$(1)/%,$(GENERATED))

.PHONY: all help run start stop status test check-asan soak fuzz screenshots bench format clean packages

all: $(PROGRAMS:%=$(BUILD)/%) ## build the programs

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: packages ## install what is missing, build, run the site in the foreground (Ctrl-C stops it)
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@exec deploy/site run

start: packages ## the same in the background
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@deploy/site start

stop: ## stop what make start started
	@deploy/site stop

status: ## say whether the site runs, and where
	@deploy/site status || [ $$? = 3 ]

test: ## install what is missing, build, run all tests
	@deploy/install-packages run test
	@$(MAKE) --no-print-directory -j$(JOBS) DEVELOPER=1 all $(UNIT_TESTS) $(FAULTY) $(FUZZED:%=$(BUILD)/replay/%)
	@VS_BUILD=$(BUILD) t/run -j$(JOBS) $(TESTS)

TESTS = $(UNIT_TESTS) t t/browser

check-asan: ## all tests once more under AddressSanitizer and UndefinedBehaviorSanitizer
	@$(MAKE) --no-print-directory BUILD=build-asan CFLAGS='-O1 -g -fno-omit-frame-pointer' \
	    SANITIZE='-fsanitize=address,undefined -fno-sanitize-recover=undefined' test

fuzz: ## feed the parsers what libFuzzer thinks of, for FUZZ_SECONDS (60) each
	@deploy/install-packages run fuzz
	@$(MAKE) --no-print-directory -j$(JOBS) BUILD=build-fuzz CC=clang CFLAGS='-O1 -g -fsanitize=fuzzer-no-link' \
	    SANITIZE='-fsanitize=address,undefined -fno-sanitize-recover=undefined' $(FUZZED:%=build-fuzz/fuzz/%)
	@set -e; for name in $(FUZZED); do \
	    mkdir -p build-fuzz/corpus/$$name; \
	    build-fuzz/fuzz/$$name -max_total_time=$(FUZZ_SECONDS) -timeout=10 -artifact_prefix=build-fuzz/$$name- \
	        build-fuzz/corpus/$$name t/fuzz/corpus/$$name; \
	done

FUZZ_SECONDS ?= 60

soak: ## the faults that must cost no token and leave no file, SOAK times (20), in their long versions
	@deploy/install-packages run test
	@$(MAKE) --no-print-directory -j$(JOBS) all $(FAULTY)
	@for round in $$(seq $(SOAK)); do \
	    echo "round $$round of $(SOAK)"; \
	    VS_SOAK=1 VS_BUILD=$(BUILD) t/run -j2 $(SOAK_TESTS) || exit 1; \
	done

SOAK ?= 20
SOAK_TESTS = t/51-tokens.t t/54-database-down.t t/55-views.t t/57-token-faults.t t/59-small-files.t \
             t/61-scheduler-faults.t t/64-scheduler-leases.t t/65-scheduler-stop.t

screenshots: ## take pictures of all pages of the website, into build/screenshots
	@deploy/install-packages run test
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@VS_BUILD=$(BUILD) t/browser/screenshots $(BUILD)/screenshots

bench: ## measure the speed, as ratios within one run
	@deploy/install-packages run bench
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@bench/run

format: ## format the C code
	clang-format -i $$(git ls-files '*.c' '*.h')

clean: ## remove what was built
	rm -rf build build-asan build-fuzz

packages:
	@deploy/install-packages run

$(LIB): $(LIB_OBJECTS)
	@rm -f $@
	@ar rcs $@ $^

# vsctl looks into what the others keep, and does by hand what the scheduler does by itself.
PARTS_vsctl := $(OBJ)/fcgi-stream.a $(OBJ)/scheduler.a
$(OBJ)/vsctl/%.o: ALL_CFLAGS += -Ischeduler -Ifcgi-stream

# A program's objects less its main() are an archive, for the unit tests.
define program
$(BUILD)/$(1): $(OBJ)/$(1)/main.o $(OBJ)/$(1).a $(PARTS_$(1)) $(LIB)
	$$(CC) -o $$@ $$^ $$(ALL_LDFLAGS) $$(LIBS)

$(OBJ)/$(1).a: $(filter-out %/main.o,$(call objects_of,$(1)))
	@rm -f $$@
	@ar rcs $$@ $$^

$(BUILD)/unit/$(1)/%.t: $(OBJ)/t/unit/$(1)/%.o $(UNIT_TOOLS) $(OBJ)/$(1).a $(LIB)
	@mkdir -p $$(@D)
	$$(CC) -o $$@ $$^ $$(ALL_LDFLAGS) $$(LIBS)

$(OBJ)/t/unit/$(1)/%.o: ALL_CFLAGS += -I$(1)
endef
$(foreach name,$(PROGRAMS),$(eval $(call program,$(name))))

$(BUILD)/fault/scheduler: $(OBJ)/scheduler/main.o $(OBJ)/t/fault/step.o $(OBJ)/scheduler.a $(LIB)
	@mkdir -p $(@D)
	$(CC) -o $@ $^ $(ALL_LDFLAGS) -Wl,--wrap=unlink,--wrap=fsync,--wrap=syncfs,--wrap=realloc $(LIBS)

$(BUILD)/fault/fcgi-stream: $(OBJ)/fcgi-stream/main.o $(OBJ)/t/fault/step.o $(OBJ)/t/fault/upload.o \
                            $(OBJ)/t/fault/token.o $(OBJ)/fcgi-stream.a $(LIB)
	@mkdir -p $(@D)
	@rm -f $@
	$(CC) -o $@ $^ $(ALL_LDFLAGS) \
	    -Wl,--wrap=unlink,--wrap=fsync,--wrap=syncfs,--wrap=rename,--wrap=media_write,--wrap=sync_file_range \
	    -Wl,--wrap=PQsendQueryPrepared,--wrap=PQgetResult,--wrap=bookkeeper_work,--wrap=bucket_acquire \
	    -Wl,--wrap=realloc $(LIBS)

$(OBJ)/t/fault/%.o: ALL_CFLAGS += -Ischeduler -Ifcgi-stream

$(BUILD)/fault/%: $(BUILD)/%
	@mkdir -p $(@D)
	@ln -sf ../$(<F) $@

# t/unit/FOLDER/NAME.c tests FOLDER/NAME.c; what lies in t/unit itself is linked to all of them.
$(BUILD)/unit/lib/%.t: $(OBJ)/t/unit/lib/%.o $(UNIT_TOOLS) $(LIB)
	@mkdir -p $(@D)
	$(CC) -o $@ $^ $(ALL_LDFLAGS) $(LIBS)

$(OBJ)/t/unit/%.o: ALL_CFLAGS += -It/unit

# A fuzz target goes through its corpus; `make fuzz` links it to libFuzzer instead.
$(BUILD)/replay/%: $(OBJ)/t/fuzz/%.o $(OBJ)/t/fuzz/fuzz_file.o $(OBJ)/t/fuzz/replay.o $(OBJ)/fcgi-stream.a $(LIB)
	@mkdir -p $(@D)
	$(CC) -o $@ $^ $(ALL_LDFLAGS) $(LIBS)

$(BUILD)/fuzz/%: $(OBJ)/t/fuzz/%.o $(OBJ)/t/fuzz/fuzz_file.o $(OBJ)/fcgi-stream.a $(LIB)
	@mkdir -p $(@D)
	$(CC) -o $@ $^ $(ALL_LDFLAGS) -fsanitize=fuzzer $(LIBS)

$(OBJ)/t/fuzz/%.o: ALL_CFLAGS += -Ifcgi-stream

$(OBJ)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(OBJ)/fcgi-api/openapi_document.c: fcgi-api/embed fcgi-api/openapi.json
	@mkdir -p $(@D)
	@$^ > $@.new && mv $@.new $@

$(OBJ)/db/migrations.c: db/embed $(wildcard db/*.sql)
	@mkdir -p $(@D)
	@db/embed > $@.new && mv $@.new $@

$(OBJ)/fcgi-api/common_passwords.c: fcgi-api/embed_passwords fcgi-api/common_passwords.txt
	@mkdir -p $(@D)
	@fcgi-api/embed_passwords > $@.new && mv $@.new $@

$(OBJ)/fcgi-api/common_passwords.o $(OBJ)/fcgi-api/openapi_document.o: ALL_CFLAGS += -Ifcgi-api

$(GENERATED): %.o: %.c
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

.SECONDARY:

-include $(shell find $(OBJ) -name '*.d' 2>/dev/null)
