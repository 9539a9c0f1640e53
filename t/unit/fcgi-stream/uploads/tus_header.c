#include "fcgi-stream/uploads/tus_header.h"

#include <stdio.h>
#include <string.h>

#include "t/unit/bytes.h"
#include "t/unit/tap.h"

#define ID "ab8fad5b-d9cb-469f-a165-70867728950e"

static const struct {
    const char *text;
    bool expected;
} metadata[] = {
    {"", true},
    {"filename d29ybGQ=", true},
    {"filename d29ybGQ=,is_confidential", true},
    {"a,b,c", true},
    {"a YQ==, b YmI=,c ", true},
    {"a YWFh", true},
    {"~!\"x d29ybGQ=", true},
    {" ", false},
    {",", false},
    {"a,", false},
    {"a,,b", false},
    {" a", false},
    {"a b=", false},
    {"a YQ", false},
    {"a YQ===", false},
    {"a Y=Q=", false},
    {"a YQ==YQ==", false},
    {"a  YQ==", false},
    {"a YQ== x", false},
    {"a Y-_=", false},
    {"\xc3\xa4 YQ==", false},
    {"a\tYQ==", false},
    {"a\x01 YQ==", false},
    {"a \r\n", false},
};

int main(void)
{
    for (size_t i = 0; i < COUNT_OF(metadata); i++)
        is_int(tus_metadata_is_valid(metadata[i].text), metadata[i].expected, "Upload-Metadata: %s",
               metadata[i].text);
    ok(tus_metadata_is_valid(bytes_repeat('a', TUS_METADATA_MAX)),
       "Upload-Metadata of the maximum length is valid");
    ok(!tus_metadata_is_valid(bytes_repeat('a', TUS_METADATA_MAX + 1)),
       "Upload-Metadata beyond the maximum length is invalid");
    return done_testing();
}
