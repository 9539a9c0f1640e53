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

struct known {
    int64_t video_id;
    int64_t asked_us;
    struct media_cache_entry file;
};

enum { WORDS = (sizeof(struct known) + 7) / 8 };

/* Written word by word, so a reader may see half of an entry; then the checksum is wrong. */
struct entry {
    _Atomic uint64_t words[WORDS];
    _Atomic uint64_t checksum;
};

struct table {
    struct shared_memory_head head;
    _Atomic int64_t
        forgotten_us[SETS * WAYS]; /* by the hash of the id: when one of these was last forgotten */
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

static bool read_entry(const struct entry *entry, struct known *known)
{
    uint64_t words[WORDS];
    for (size_t i = 0; i < WORDS; i++)
        words[i] = atomic_load_explicit(&entry->words[i], memory_order_relaxed);
    memcpy(known, words, sizeof *known);
    return known->video_id != 0 &&
           atomic_load_explicit(&entry->checksum, memory_order_relaxed) == hash(words, sizeof words);
}

static void write_entry(struct entry *entry, const struct known *known)
{
    uint64_t words[WORDS] = {0};
    memcpy(words, known, sizeof *known);
    for (size_t i = 0; i < WORDS; i++)
        atomic_store_explicit(&entry->words[i], words[i], memory_order_relaxed);
    atomic_store_explicit(&entry->checksum, hash(words, sizeof words), memory_order_relaxed);
}

/* The entry of the video if there is one, else the one whose content is oldest. */
static struct entry *find_place(struct table *table, int64_t video_id, struct known *known)
{
    struct entry *set = table->entries[hash(&video_id, sizeof video_id) % SETS], *oldest = NULL;
    int64_t oldest_us = INT64_MAX;
    for (int i = 0; i < WAYS; i++) {
        if (!read_entry(&set[i], known))
            known->video_id = known->asked_us = 0;
        if (known->video_id == video_id)
            return &set[i];
        if (known->asked_us < oldest_us) {
            oldest_us = known->asked_us;
            oldest = &set[i];
        }
    }
    known->video_id = 0;
    return oldest;
}

static _Atomic int64_t *forgotten_us(struct table *table, int64_t video_id)
{
    return &table->forgotten_us[hash(&video_id, sizeof video_id) % (SETS * WAYS)];
}

void media_cache_put(struct media_cache *cache, int64_t video_id, const char *key, const char *content_type,
                     int64_t size, int64_t asked_us)
{
    struct known before, known = {.video_id = video_id, .asked_us = asked_us, .file.size = size};
    size_t key_length = strlen(key), type_length = strlen(content_type);
    if (key_length >= sizeof known.file.key || type_length >= sizeof known.file.content_type)
        return;
    struct entry *entry = find_place(cache->table, video_id, &before);
    if (before.video_id == video_id && asked_us - before.asked_us < FRESH_US &&
        before.asked_us > atomic_load(forgotten_us(cache->table, video_id)) &&
        strcmp(before.file.key, key) == 0)
        return;
    memcpy(known.file.key, key, key_length);
    memcpy(known.file.content_type, content_type, type_length);
    write_entry(entry, &known);
}

static bool find(const struct media_cache *cache, int64_t video_id, int64_t age_us,
                 struct media_cache_entry *file)
{
    struct known known;
    find_place(cache->table, video_id, &known);
    if (known.video_id != video_id || clock_us() - known.asked_us > age_us ||
        known.asked_us <= atomic_load(forgotten_us(cache->table, video_id)))
        return false;
    *file = known.file;
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
    atomic_store(forgotten_us(cache->table, video_id), clock_us());
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
