#include "db.h"

#include <string.h>

#include "tap.h"

enum { TEXT, BINARY };

static void test_bind(void)
{
    static const char text[] = "a\0b";
    struct db_params params = {0};
    db_bind_number(&params, 0x0102030405060708);
    db_bind_number(&params, -1);
    db_bind_text(&params, text, 3);
    db_bind_text(&params, "", 0);
    db_bind_bytes(&params, text, 3);
    db_bind_null(&params);
    db_bind_literal(&params, "{1,2}");
    is_int(params.count, 7, "seven parameters, in their order");

    is_int(params.formats[0], BINARY, "a number is binary");
    is_int(params.lengths[0], 8, "of 8 bytes");
    ok(memcmp(params.values[0], "\1\2\3\4\5\6\7\10", 8) == 0, "the highest first");
    ok(memcmp(params.values[1], "\xff\xff\xff\xff\xff\xff\xff\xff", 8) == 0,
       "a negative one is its complement");
    ok(params.values[2] == text && params.lengths[2] == 3, "a text is as long as it is said to be");
    is_int(params.formats[2], BINARY, "and binary, so that no NUL ends it");
    ok(params.values[3] && params.lengths[3] == 0, "an empty one isn't NULL");
    ok(params.values[4] == text && params.lengths[4] == 3 && params.formats[4] == BINARY, "bytes too");
    ok(params.values[5] == NULL, "NULL is no value");
    is_text(params.values[6], "{1,2}", "a literal is what it is");
    is_int(params.formats[6], TEXT, "in PostgreSQL's text form");
}

int main(void)
{
    test_bind();
    return done_testing();
}
