#include "fcgi-api/video_lookup.h"

#include <string.h>

#include "fcgi-api/api.h"
#include "fcgi-api/api_statements.h"

/* The number of ids that VIDEO_GET takes. */
enum { IDS_MAX = 8 };
_Static_assert((int)IDS_MAX <= (int)DB_PARAMS_MAX, "the ids are parameters of one statement");

struct lookup {
    struct coalescer_job job;
    struct db *db;
    struct arena *arena;
    int64_t id;
    struct video *video;
    enum store_outcome outcome;
};

static struct lookup *lookup_of(struct coalescer_job *job)
{
    return (struct lookup *)job;
}

static const char *copy(struct arena *arena, const char *text)
{
    return arena_copy(arena, text, strlen(text));
}

/* Copies the texts: the rows live only as long as the request that ran the query. */
static void finish(struct lookup *lookup, const struct db_rows *rows)
{
    struct video *video = lookup->video;
    int row = rows->count - 1;
    while (row >= 0 && db_number(rows, row, 0) != lookup->id)
        row--;
    lookup->outcome = row < 0 ? STORE_MISSING : STORE_DONE;
    if (row < 0)
        return;
    video_from_row(rows, row, video);
    video->author_name = copy(lookup->arena, video->author_name);
    video->title = copy(lookup->arena, video->title);
    video->description = copy(lookup->arena, video->description);
    video->content_type = copy(lookup->arena, video->content_type);
}

static void query(struct coalescer_job *const jobs[], size_t count)
{
    struct db_params params = {0};
    struct db_rows rows;
    const struct lookup *first = lookup_of(jobs[0]);
    for (size_t i = 0; i < IDS_MAX; i++)
        db_bind_number(&params, lookup_of(jobs[i < count ? i : 0])->id);
    enum db_outcome outcome = db_query(first->db, VIDEO_GET, &params, &rows);
    for (size_t i = 0; i < count; i++)
        if (outcome == DB_DONE)
            finish(lookup_of(jobs[i]), &rows);
        else
            lookup_of(jobs[i])->outcome = store_outcome_from_db(outcome);
}

static void run_lookups(struct coalescer_job *const jobs[], size_t count)
{
    const struct lookup *first = lookup_of(jobs[0]);
    db_begin(first->db, first->arena); /* waiting may have used up the time limit */
    query(jobs, count);
}

const struct coalescer_kind video_lookup_kind = {IDS_MAX, NULL, run_lookups};

enum store_outcome video_lookup(const struct request *request, int64_t id, struct video *video)
{
    const struct api_context *context = request->context;
    struct lookup lookup = {.db = request->db, .arena = request->arena, .id = id, .video = video};
    bool shared = !coalescer_run(context->lookups, &lookup.job);
    /* The query failed on another thread's connection: try again on this one. */
    if (shared && lookup.outcome != STORE_DONE && lookup.outcome != STORE_MISSING)
        query(&(struct coalescer_job *){&lookup.job}, 1);
    return lookup.outcome;
}
