/* vsctl deletions: lists and retries file deletions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/param.h"
#include "scheduler/tasks/scheduler_statements.h"
#include "vsctl/command.h"
#include "vsctl/context.h"

enum { REDRIVE_BATCH = 500 };

static const char heading[] = "id        video     file                                  "
                              "requested             state    attempts  next attempt          last error";

static void print_row(const struct db_rows *rows, int row)
{
    printf("%-8lld  %-8lld  %s  ", (long long)db_number(rows, row, 0), (long long)db_number(rows, row, 1),
           db_text(rows, row, 2));
    context_print_time(db_time_us(rows, row, 3));
    printf("%-7s  %-8lld  ", db_text(rows, row, 4), (long long)db_number(rows, row, 5));
    context_print_time(db_time_us(rows, row, 6));
    printf("%s\n", db_text(rows, row, 7));
}

/* Queues dead deletions again: the one with that id or, for 0, up to REDRIVE_BATCH of
 * them. *count is the number of rows that were changed. */
static bool redrive(struct task_context *context, int64_t id, int64_t *count)
{
    struct db_params params = {0};
    struct db_rows rows;
    db_bind_number(&params, id);
    db_bind_number(&params, REDRIVE_BATCH);
    if (!context_query(context, DELETION_REDRIVE, &params, &rows))
        return false;
    *count = db_number(&rows, 0, 0);
    return true;
}

static int redrive_all(struct task_context *context)
{
    int64_t total = 0, count;
    do {
        if (!redrive(context, 0, &count))
            return EXIT_FAILURE;
        total += count;
    } while (count == REDRIVE_BATCH);
    printf("%lld deletions will be retried\n", (long long)total);
    return EXIT_SUCCESS;
}

static int redrive_one(struct task_context *context, const char *text)
{
    int64_t id, done;
    if (!param_id(text, strlen(text), &id)) {
        fprintf(stderr, "vsctl: %s is not a valid id\n", text);
        return COMMAND_MISUSED;
    }
    if (!redrive(context, id, &done))
        return EXIT_FAILURE;
    if (done == 0) {
        fprintf(stderr, "vsctl: there is no dead deletion with id %s\n", text);
        return EXIT_FAILURE;
    }
    printf("deletion %s will be retried\n", text);
    return EXIT_SUCCESS;
}

static int redrive_each(struct task_context *context, int count, char **ids)
{
    int status = EXIT_SUCCESS;
    for (int i = 0; i < count && status == EXIT_SUCCESS; i++)
        status = redrive_one(context, ids[i]);
    return status;
}

int command_deletions(const struct config *config, int argc, char **argv)
{
    bool is_list = argc == 0 || (argc == 1 && strcmp(argv[0], "list") == 0);
    bool is_redrive = argc >= 2 && strcmp(argv[0], "redrive") == 0;
    struct task_context *context = is_list || is_redrive ? context_open(config) : NULL;
    int status;
    if (!context)
        return is_list || is_redrive ? EXIT_FAILURE : COMMAND_MISUSED;
    if (is_list)
        status = context_print_table(context, DELETION_LIST, heading, print_row);
    else if (argc == 2 && strcmp(argv[1], "--all") == 0)
        status = redrive_all(context);
    else
        status = redrive_each(context, argc - 1, argv + 1);
    context_close(context);
    return status;
}
