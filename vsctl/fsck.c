/* vsctl fsck: disk and rows compared. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/tasks/reconcile.h"
#include "vsctl/command.h"
#include "vsctl/context.h"

static void print_unknown(const char *key)
{
    printf("file without a row: %s\n", key);
}

static void print_missing(int64_t video_id, const char *key)
{
    printf("row without a file: video %lld, %s\n", (long long)video_id, key);
}

static int compare(struct task_context *context, bool fix)
{
    const struct reconcile_action action = {
        .remove_orphans = fix,
        .detach_missing = fix,
        .even_if_most = true,
        .on_orphan = print_unknown,
        .on_missing = print_missing,
    };
    struct reconcile_result result;
    const char *error = reconcile(context, &action, &result);
    if (error) {
        fprintf(stderr, "vsctl: %s\n", error);
        return EXIT_FAILURE;
    }
    printf("%lld files, of which %lld without a row: %lld removed\n", (long long)result.files,
           (long long)result.orphans, (long long)result.removed);
    printf("%lld videos with a file, of which %lld have none: %lld repaired\n", (long long)result.videos,
           (long long)result.missing, (long long)result.detached);
    bool left = result.removed < result.orphans || result.detached < result.missing;
    return left ? COMMAND_FOUND : EXIT_SUCCESS;
}

/* With --fix, files without a row are removed, and videos whose file is gone become videos without a file, to
 * which their authors can upload it again. */
int command_fsck(const struct config *config, int argc, char **argv)
{
    bool fix = argc == 1 && strcmp(argv[0], "--fix") == 0;
    if (argc > 1 || (argc == 1 && !fix))
        return COMMAND_MISUSED;
    struct task_context *context = context_open(config);
    if (!context)
        return EXIT_FAILURE;
    int status = compare(context, fix);
    context_close(context);
    return status;
}
