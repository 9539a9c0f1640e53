/* vsctl fsck: compares the media folder with the database. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/tasks/reconcile.h"
#include "vsctl/command.h"
#include "vsctl/context.h"

static void print_orphan(const char *key)
{
    printf("orphaned file: %s\n", key);
}

static void print_missing(int64_t video_id, const char *key)
{
    printf("missing file: %s of video %lld\n", key, (long long)video_id);
}

static int compare(struct task_context *context, bool fix)
{
    const struct reconcile_action action = {
        .remove_orphans = fix,
        .detach_missing = fix,
        .even_if_most = true,
        .on_orphan = print_orphan,
        .on_missing = print_missing,
    };
    struct reconcile_result result;
    const char *error = reconcile(context, &action, &result);
    if (error) {
        fprintf(stderr, "vsctl: %s\n", error);
        return EXIT_FAILURE;
    }
    printf("%lld files: %lld orphaned, %lld deleted\n", (long long)result.files, (long long)result.orphans,
           (long long)result.removed);
    printf("%lld videos with a file: %lld files missing, %lld videos repaired\n", (long long)result.videos,
           (long long)result.missing, (long long)result.detached);
    bool unrepaired = result.removed < result.orphans || result.detached < result.missing;
    return unrepaired ? COMMAND_FOUND : EXIT_SUCCESS;
}

/* With --fix, orphaned files are deleted, and videos whose file is missing become videos
 * without a file, so that their authors can upload it again. */
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
