/* Input: the value of an upload header, given to each function that parses one. */
#include "fcgi-stream/uploads/tus_header.h"

#include <stdlib.h>
#include <string.h>

#include "fcgi-stream/uploads/digest.h"
#include "lib/media/media_upload.h"
#include "t/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct digest digest;
    char id[PARAM_UUID_SIZE];
    int64_t offset = -1;
    char *text = malloc(size + 1);
    fuzz_require(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    if (tus_metadata_is_valid(text))
        fuzz_require(strlen(text) <= TUS_METADATA_MAX && !strpbrk(text, "\r\n"));
    if (media_upload_chunk_parse(text, id, &offset))
        fuzz_require(offset >= 0 && strlen(id) == PARAM_UUID_SIZE - 1);
    if (digest_parse_field(text, &digest) == DIGEST_GIVEN)
        fuzz_require(digest.kind == DIGEST_SHA256);
    if (digest_parse_checksum(text, &digest) == DIGEST_GIVEN)
        fuzz_require(digest.kind == DIGEST_SHA1 || digest.kind == DIGEST_SHA256);
    free(text);
    return 0;
}
