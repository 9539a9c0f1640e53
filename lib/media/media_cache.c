#include "lib/media/media_cache.h"

#include <errno.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/shared_memory.h"

enum {
    SETS = 4096,
    WAYS = 8,
    LAYOUT_VERSION = 3,
    FRESH_US = 1000 * 1000,
};

struct record {
    int64_t video_id;
    int64_t queried_us;
    struct media_cache_entry file;
};

enum { WORDS = (sizeof(struct record) + 7) / 8 };

/* Written word by word without a lock. If a reader sees a half-written entry, the
 * checksum does not match. */
struct entry {
    _Atomic uint64_t words[WORDS];
    _Atomic uint64_t checksum;
};

struct table {
    struct shared_memory_head head;
    /* By the id's hash: when a video with that hash was last removed. */
    _Atomic int64_t removed_us[SETS * WAYS];
    struct entry entries[SETS][WAYS];
};

struct media_cache {
    struct table *table;
    struct shared_memory shared;
};

static const struct shared_memory_head head = {"vsmcache", LAYOUT_VERSION, sizeof(struct entry)};
static const struct shared_memory_layout layout = {"media_cache", &head, sizeof head, sizeof(struct table),
                                                   sizeof(struct table)};

static uint64_t hash(const void *bytes, size_t length)
{
    static const unsigned char key[crypto_shorthash_KEYBYTES];
    uint64_t out;
    crypto_shorthash((unsigned char *)&out, bytes, length, key);
    return out;
}

struct media_cache *media_cache_open(const struct config *config)
{
    struct media_cache *cache = calloc(1, sizeof *cache);
    if (cache && shared_memory_open(&cache->shared, config, &layout)) {
        cache->table = cache->shared.memory;
        return cache;
    }
    log_write(LOG_ERROR, "media_cache_failed", "reason=\"%s\"", strerror(errno));
    free(cache);
    return NULL;
}

void media_cache_close(struct media_cache *cache)
{
    shared_memory_close(&cache->shared);
    free(cache);
}

static bool read_entry(const struct entry *entry, struct record *record)
{
    uint64_t words[WORDS];
    for (size_t i = 0; i < WORDS; i++)
        words[i] = atomic_load_explicit(&entry->words[i], memory_order_relaxed);
    memcpy(record, words, sizeof *record);
    return record->video_id != 0 &&
           atomic_load_explicit(&entry->checksum, memory_order_relaxed) == hash(words, sizeof words);
}

static void write_entry(struct entry *entry, const struct record *record)
{
    uint64_t words[WORDS] = {0};
    memcpy(words, record, sizeof *record);
    for (size_t i = 0; i < WORDS; i++)
        atomic_store_explicit(&entry->words[i], words[i], memory_order_relaxed);
    atomic_store_explicit(&entry->checksum, hash(words, sizeof words), memory_order_relaxed);
}

/* Returns the video's entry or, with record->video_id = 0, the oldest entry of its
 * set. */
static struct entry *find_entry(struct table *table, int64_t video_id, struct record *record)
{
    struct entry *set = table->entries[hash(&video_id, sizeof video_id) % SETS], *oldest = NULL;
    int64_t oldest_us = INT64_MAX;
    for (int i = 0; i < WAYS; i++) {
        if (!read_entry(&set[i], record))
            record->video_id = record->queried_us = 0;
        if (record->video_id == video_id)
            return &set[i];
        if (record->queried_us < oldest_us) {
            oldest_us = record->queried_us;
            oldest = &set[i];
        }
    }
    record->video_id = 0;
    return oldest;
}

static _Atomic int64_t *removed_us(struct table *table, int64_t video_id)
{
    return &table->removed_us[hash(&video_id, sizeof video_id) % (SETS * WAYS)];
}

void media_cache_put(struct media_cache *cache, int64_t video_id, const char *key, const char *content_type,
                     int64_t size, int64_t queried_us)
{
    struct record before, record = {.video_id = video_id, .queried_us = queried_us, .file.size = size};
    size_t key_length = strlen(key), type_length = strlen(content_type);
    if (key_length >= sizeof record.file.key || type_length >= sizeof record.file.content_type)
        return;
    struct entry *entry = find_entry(cache->table, video_id, &before);
    if (before.video_id == video_id && queried_us - before.queried_us < FRESH_US &&
        before.queried_us > atomic_load(removed_us(cache->table, video_id)) &&
        strcmp(before.file.key, key) == 0)
        return;
    memcpy(record.file.key, key, key_length);
    memcpy(record.file.content_type, content_type, type_length);
    write_entry(entry, &record);
}

static bool find(const struct media_cache *cache, int64_t video_id, int64_t age_us,
                 struct media_cache_entry *file)
{
    struct record record;
    find_entry(cache->table, video_id, &record);
    if (record.video_id != video_id || clock_us() - record.queried_us > age_us ||
        record.queried_us <= atomic_load(removed_us(cache->table, video_id)))
        return false;
    *file = record.file;
    return true;
}

bool media_cache_find(const struct media_cache *cache, int64_t video_id, struct media_cache_entry *file)
{
    return find(cache, video_id, MEDIA_CACHE_TTL_US, file);
}

bool media_cache_find_fresh(const struct media_cache *cache, int64_t video_id, struct media_cache_entry *file)
{
    return find(cache, video_id, FRESH_US, file);
}

void media_cache_remove(struct media_cache *cache, int64_t video_id)
{
    atomic_store(removed_us(cache->table, video_id), clock_us());
}

void media_cache_remove_in(const struct config *config, int64_t video_id)
{
    struct media_cache cache;
    if (shared_memory_attach(&cache.shared, config, &layout)) {
        cache.table = cache.shared.memory;
        media_cache_remove(&cache, video_id);
        shared_memory_close(&cache.shared);
    } else if (errno != ENOENT) {
        log_write(LOG_ERROR, "media_cache_failed", "reason=\"%s\"", strerror(errno));
    }
}
