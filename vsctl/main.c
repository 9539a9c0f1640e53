/* vsctl: inspects and changes a running site. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/version.h"
#include "vsctl/command.h"

static const struct command {
    const char *name, *arguments, *help;
    int (*run)(const struct config *config, int argc, char **argv);
} commands[] = {
    {"tokens", "[--stream N] [--upload N] [--per-client N] [--per-user N]",
     "shows the tokens in use, by client; options change the limits of the running site", command_tokens},
    {"deletions", "[list | redrive ID... | redrive --all]",
     "lists the files to be deleted; redrive retries dead deletions, which have failed too often",
     command_deletions},
    {"videos", "deleted | restore ID",
     "lists the deleted videos that can be restored (see VS_DELETE_GRACE); restores one", command_videos},
    {"fsck", "[--fix]",
     "compares files and database; --fix deletes orphaned files and resets videos whose file is missing",
     command_fsck},
};

static int usage(FILE *out)
{
    fprintf(out, "usage: vsctl COMMAND\n\n");
    for (size_t i = 0; i < COUNT_OF(commands); i++)
        fprintf(out, "  %s %s\n      %s\n", commands[i].name, commands[i].arguments, commands[i].help);
    fprintf(out, "\nThe site is the one in VS_STATE_DIR, unless VS_RUN_DIR and VS_DATABASE_URL name another"
                 " site's sockets and\ndatabase. fcgi-api --help lists all settings.\n");
    return out == stderr ? COMMAND_MISUSED : EXIT_SUCCESS;
}

/* deploy/site links the run folder of a site into its state folder. */
static void find_run_dir(struct config *config)
{
    static char path[256];
    const char *set = getenv("VS_RUN_DIR");
    if (set && *set)
        return;
    int length = snprintf(path, sizeof path, "%s/run/pool", config->state_dir);
    if (length > 0 && (size_t)length < sizeof path && access(path, F_OK) == 0)
        config->run_dir = path;
}

int main(int argc, char **argv)
{
    struct config config;
    char error[CONFIG_ERROR_SIZE];
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout);
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf("vsctl %s\n", version);
        return EXIT_SUCCESS;
    }
    if (!config_load(&config, error)) {
        fprintf(stderr, "vsctl: %s\n", error);
        return EXIT_FAILURE;
    }
    find_run_dir(&config);
    for (size_t i = 0; argc > 1 && i < COUNT_OF(commands); i++) {
        if (strcmp(argv[1], commands[i].name) != 0)
            continue;
        int status = commands[i].run(&config, argc - 2, argv + 2);
        return status == COMMAND_MISUSED ? usage(stderr) : status;
    }
    return usage(stderr);
}
