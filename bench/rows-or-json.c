/* Measures how long it takes to have the first page of 50 videos as JSON in memory, on
 * one database connection: from rows that the program converts, as fcgi-api does, and
 * from one JSON value built by PostgreSQL.
 *
 * usage: rows-or-json DATABASE_URL SECONDS
 * Prints rows_us=… json_us=…, the mean time per page. The two alternate every 0.1 s. */
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

struct variant {
    const char *name, *sql;
    void (*write)(struct buffer *out, PGresult *result);
    int64_t us, pages;
};

static void read_pages(PGconn *connection, struct variant *variant, int64_t duration_us)
{
    struct buffer out = {0};
    int64_t begin = clock_us(), now = begin;
    for (; now - begin < duration_us; now = clock_us()) {
        PGresult *result = PQexecPrepared(connection, variant->name, 0, NULL, NULL, NULL, 1);
        if (PQresultStatus(result) != PGRES_TUPLES_OK) {
            fprintf(stderr, "%s", PQerrorMessage(connection));
            exit(EXIT_FAILURE);
        }
        buffer_reset(&out);
        variant->write(&out, result);
        PQclear(result);
        variant->pages++;
    }
    variant->us += now - begin;
    buffer_free(&out);
}

int main(int argc, char **argv)
{
    struct variant variants[] = {{"rows", rows_sql, write_rows, 0, 0}, {"json", json_sql, write_value, 0, 0}};
    if (argc != 3)
        return EXIT_FAILURE;
    PGconn *connection = PQconnectdb(argv[1]);
    for (size_t i = 0; i < COUNT_OF(variants); i++)
        PQclear(PQprepare(connection, variants[i].name, variants[i].sql, 0, NULL));
    for (long turn = 0; turn < 5 * strtol(argv[2], NULL, 10); turn++)
        for (size_t i = 0; i < COUNT_OF(variants); i++)
            read_pages(connection, &variants[i], 100 * 1000);
    for (size_t i = 0; i < COUNT_OF(variants); i++)
        printf("%s_us=%.0f ", variants[i].name, (double)variants[i].us / (double)variants[i].pages);
    printf("\n");
    PQfinish(connection);
    return EXIT_SUCCESS;
}
