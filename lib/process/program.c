#include "lib/process/program.h"

#include <malloc.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/base/version.h"

static const char *program_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void print_help(const char *name, const char *summary)
{
    printf("usage: %s [--help[=markdown] | --version | --check-config]\n\n%s\n\n"
           "  --help=markdown  prints the settings as Markdown tables\n"
           "  --version        prints the version\n"
           "  --check-config   prints the settings in effect, or the invalid one\n\n",
           name, summary);
    config_help();
}

/* Handles the options that need no settings; false for any other option. */
static bool print_and_exit(const char *name, const char *option, const char *summary)
{
    if (strcmp(option, "--help") == 0)
        print_help(name, summary);
    else if (strcmp(option, "--help=markdown") == 0)
        config_help_markdown();
    else if (strcmp(option, "--version") == 0)
        printf("%s %s\n", program_name(name), version);
    else
        return false;
    return true;
}

static bool prepare(const struct config *config)
{
    log_set_level((enum log_level)config->log_level);
    mallopt(M_ARENA_MAX, 2); /* an arena per thread would double the memory use */
    if (sodium_init() < 0) {
        log_write(LOG_ERROR, "start_failed", "reason=\"libsodium failed to initialise\"");
        return false;
    }
    if (*config->database_url)
        return true;
    log_write(LOG_ERROR, "start_failed", "reason=\"VS_DATABASE_URL is empty\"");
    return false;
}

bool program_begin(int argc, char **argv, const char *summary, struct config *config, int *exit_status)
{
    char error[CONFIG_ERROR_SIZE];
    const char *option = argc > 1 ? argv[1] : "";
    *exit_status = EXIT_SUCCESS;
    if (argc == 2 && print_and_exit(argv[0], option, summary))
        return false;
    bool check = strcmp(option, "--check-config") == 0;
    *exit_status = EXIT_FAILURE;
    if (argc > 2 || (argc == 2 && !check)) {
        fprintf(stderr, "%s: unknown option; --help lists the options\n", argv[0]);
        return false;
    }
    if (!config_load(config, error)) {
        fprintf(stderr, "%s: %s\n", argv[0], error);
        return false;
    }
    if (check) {
        config_print(config);
        *exit_status = EXIT_SUCCESS;
        return false;
    }
    return prepare(config);
}
