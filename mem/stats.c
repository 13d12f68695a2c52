/*
 * stats.c - what memory is used for, and failures on demand
 */
#include "magazine.h"
#include "mem.h"

static struct noted noted_of(const struct shale_slab *slab)
{
    const struct magazines *magazines = slab->mem->magazines;

    return magazines ? magazines->ops->sum(slab) : (struct noted){ 0 };
}

/*
 * What is at hand is counted while threads work, and what goes from one of them
 * to another meanwhile may be counted at both: so there can be more of it than
 * there is of anything, and what is left is none.
 */
size_t mem_live(const struct shale_mem *mem)
{
    size_t live = mem->live;

    for (const struct shale_slab *slab = mem->slabs; slab; slab = slab->next)
        live += noted_of(slab).bytes;
    for (size_t i = 0; i < mem->class_count; i++)
        live += noted_of(&mem->classes[i]).bytes;
    return live <= SIZE_MAX / 2 ? live : 0;
}

void shale_mem_stats(struct shale_mem *mem, struct shale_mem_stats *out)
{
    mem_lock(mem);
    out->borrowed = mem->borrowed;
    out->budget = mem->budget;
    out->in_use = (mem->total_pages - mem->free_pages) << mem->page_bits;
    out->live = mem_live(mem);
    out->peak = mem->peak > out->live ? mem->peak : out->live;
    out->borrowed_peak = mem->borrowed_peak;
    out->in_use_peak = mem->used_peak << mem->page_bits;
    mem_unlock(mem);
}

static void slab_stats(const struct shale_slab *slab,
                       struct shale_slab_stats *out)
{
    struct noted noted = noted_of(slab);

    out->name = slab->config.name;
    out->object_size = slab->stride;
    out->live = slab->live > noted.at_hand ? slab->live - noted.at_hand : 0;
    out->peak = slab->peak;
    out->capacity = slab->page_count * (slab->capacity ? slab->capacity : 1);
    out->bytes = slab->page_count * slab->page_bytes;
    out->allocs = slab->allocs + noted.allocs;
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
    for (size_t i = 0; i < mem->class_count; i++) {
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
    if (mem->magazines)
        mem->magazines->ops->rest(mem, true);
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

bool mem_fails_soon(struct shale_mem *mem)
{
    if (mem->fail_after-- > 0)
        return false;
    mem->fail_armed = false;
    mem->failed = true;
    if (mem->magazines)
        mem->magazines->ops->rest(mem, false);
    return true;
}
