/* How long the first page of 50 videos takes on one connection, until it stands as JSON in memory: from rows, which
 * the program writes as JSON, as fcgi-api does, and from one value that PostgreSQL has made of them.
 *
 * usage: rows-or-json DATABASE_URL SECONDS
 * prints: rows_us=… json_us=… (the mean of a page, each measured in turns of a tenth of a second) */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "lib/db/db.h"

#define COLUMNS "v.id, v.author_id, u.name, v.title, v.description, v.create_time, v.size, v.content_type"
#define PAGE                                                                                                 \
    "SELECT " COLUMNS " FROM videos v JOIN users u ON u.id = v.author_id"                                    \
    " ORDER BY v.create_time DESC, v.id DESC LIMIT 50"

static const char rows_sql[] = PAGE;
static const char json_sql[] =
    "SELECT json_agg(json_build_object('id', id, 'author_id', author_id, 'author_name', name, 'title', title,"
    " 'description', description, 'create_time', to_char(create_time AT TIME ZONE 'UTC', "
    "'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),"
    " 'state', CASE WHEN size IS NULL THEN 'created' ELSE 'ready' END, 'size', size, 'content_type', "
    "content_type,"
    " 'stream_url', CASE WHEN size IS NULL THEN NULL ELSE '/stream/videos/' || id END,"
    " 'poster_url', NULL, 'views', 0))::text FROM (" PAGE ") page";

static void write_rows(struct buffer *out, PGresult *result)
{
    const struct db_rows rows = {.result = result, .count = PQntuples(result)};
    struct json json = {.out = out};
    json_array(&json);
    for (int i = 0; i < rows.count; i++) {
        char url[64];
        json_object(&json);
        json_number(&json, "id", db_number(&rows, i, 0));
        json_number(&json, "author_id", db_number(&rows, i, 1));
        json_text(&json, "author_name", db_text(&rows, i, 2));
        json_text(&json, "title", db_text(&rows, i, 3));
        json_text(&json, "description", db_text(&rows, i, 4));
        json_time(&json, "create_time", db_time_us(&rows, i, 5) / 1000000);
        json_text(&json, "state", db_is_null(&rows, i, 6) ? "created" : "ready");
        snprintf(url, sizeof url, "/stream/videos/%lld", (long long)db_number(&rows, i, 0));
        if (db_is_null(&rows, i, 6)) {
            json_null(&json, "size");
            json_null(&json, "content_type");
            json_null(&json, "stream_url");
        } else {
            json_number(&json, "size", db_number(&rows, i, 6));
            json_text(&json, "content_type", db_text(&rows, i, 7));
            json_text(&json, "stream_url", url);
        }
        json_null(&json, "poster_url");
        json_number(&json, "views", 0);
        json_object_end(&json);
    }
    json_array_end(&json);
}

static void write_value(struct buffer *out, PGresult *result)
{
    buffer_append(out, PQgetvalue(result, 0, 0), (size_t)PQgetlength(result, 0, 0));
}

struct way {
    const char *name, *sql;
    void (*write)(struct buffer *out, PGresult *result);
    int64_t us, pages;
};

static void read_pages(PGconn *connection, struct way *way, int64_t for_us)
{
    struct buffer out = {0};
    int64_t begin = clock_us(), now = begin;
    for (; now - begin < for_us; now = clock_us()) {
        PGresult *result = PQexecPrepared(connection, way->name, 0, NULL, NULL, NULL, 1);
        if (PQresultStatus(result) != PGRES_TUPLES_OK) {
            fprintf(stderr, "%s", PQerrorMessage(connection));
            exit(EXIT_FAILURE);
        }
        buffer_reset(&out);
        way->write(&out, result);
        PQclear(result);
        way->pages++;
    }
    way->us += now - begin;
    buffer_free(&out);
}

int main(int argc, char **argv)
{
    struct way ways[] = {{"rows", rows_sql, write_rows, 0, 0}, {"json", json_sql, write_value, 0, 0}};
    if (argc != 3)
        return EXIT_FAILURE;
    PGconn *connection = PQconnectdb(argv[1]);
    for (size_t i = 0; i < COUNT_OF(ways); i++)
        PQclear(PQprepare(connection, ways[i].name, ways[i].sql, 0, NULL));
    for (long turn = 0; turn < 5 * strtol(argv[2], NULL, 10); turn++)
        for (size_t i = 0; i < COUNT_OF(ways); i++)
            read_pages(connection, &ways[i], 100 * 1000);
    for (size_t i = 0; i < COUNT_OF(ways); i++)
        printf("%s_us=%.0f ", ways[i].name, (double)ways[i].us / (double)ways[i].pages);
    printf("\n");
    PQfinish(connection);
    return EXIT_SUCCESS;
}
