/*
 * stats.c - what memory is used for, and failures on demand
 */
#include "mem.h"

void mem_count_alloc(struct shale_mem *mem, size_t bytes)
{
    mem->live += bytes;
    if (mem->live > mem->peak)
        mem->peak = mem->live;
}

void mem_count_free(struct shale_mem *mem, size_t bytes)
{
    mem->live -= bytes;
}

void shale_mem_stats(struct shale_mem *mem, struct shale_mem_stats *out)
{
    mem_lock(mem);
    out->borrowed = mem->borrowed;
    out->budget = mem->budget;
    out->in_use = (mem->total_pages - mem->free_pages) << mem->page_bits;
    out->live = mem->live;
    out->peak = mem->peak;
    mem_unlock(mem);
}

static void slab_stats(const struct shale_slab *slab,
                       struct shale_slab_stats *out)
{
    out->name = slab->config.name;
    out->object_size = slab->stride;
    out->live = slab->live;
    out->peak = slab->peak;
    out->capacity = slab->page_count * slab->capacity;
    out->bytes = slab->page_count * slab->page_bytes;
    out->allocs = slab->allocs;
    out->failures = slab->failures;
}

void shale_mem_each_slab(struct shale_mem *mem,
                         void (*emit)(void *context,
                                      const struct shale_slab_stats *stats),
                         void *context)
{
    struct shale_slab_stats stats;

    mem_lock(mem);
    for (const struct shale_slab *slab = mem->slabs; slab; slab = slab->next) {
        slab_stats(slab, &stats);
        emit(context, &stats);
    }
    for (size_t i = 0; i < CLASS_COUNT; i++) {
        slab_stats(&mem->classes[i], &stats);
        emit(context, &stats);
    }
    mem_unlock(mem);
}

void shale_mem_fail_at(struct shale_mem *mem, uint64_t nth)
{
    mem_lock(mem);
    mem->fail_after = nth;
    mem->fail_armed = true;
    mem->failed = false;
    mem_unlock(mem);
}

bool shale_mem_failed(struct shale_mem *mem)
{
    bool failed;

    mem_lock(mem);
    failed = mem->failed;
    mem_unlock(mem);
    return failed;
}

bool mem_fails_now(struct shale_mem *mem)
{
    if (!mem->fail_armed || mem->fail_after-- > 0)
        return false;
    mem->fail_armed = false;
    mem->failed = true;
    return true;
}
