/* The parameters and the rows of db.h. */
#include <endian.h>
#include <libpq-fe.h>
#include <stdlib.h>

#include "db.h"

enum { FORMAT_TEXT, FORMAT_BINARY };

static void bind(struct db_params *params, const void *value, size_t length, int format)
{
    if (params->count == DB_PARAMS_MAX)
        abort(); /* a statement with more parameters than the constant says: a mistake in the code */
    params->values[params->count] = value;
    params->lengths[params->count] = (int)length;
    params->formats[params->count] = format;
    params->count++;
}

void db_bind_number(struct db_params *params, int64_t number)
{
    int at = params->count;
    bind(params, &params->numbers[at], sizeof params->numbers[at], FORMAT_BINARY);
    params->numbers[at] = htobe64((uint64_t)number);
}

void db_bind_text(struct db_params *params, const char *text, size_t length)
{
    bind(params, text, length, FORMAT_BINARY);
}

void db_bind_bytes(struct db_params *params, const void *bytes, size_t length)
{
    bind(params, bytes, length, FORMAT_BINARY);
}

void db_bind_null(struct db_params *params)
{
    bind(params, NULL, 0, FORMAT_TEXT);
}

void db_bind_literal(struct db_params *params, const char *text)
{
    bind(params, text, 0, FORMAT_TEXT);
}

const char *db_text(const struct db_rows *rows, int row, int column)
{
    return PQgetvalue(rows->result, row, column);
}

int64_t db_number(const struct db_rows *rows, int row, int column)
{
    return strtoll(PQgetvalue(rows->result, row, column), NULL, 10);
}

bool db_is_null(const struct db_rows *rows, int row, int column)
{
    return PQgetisnull(rows->result, row, column);
}
