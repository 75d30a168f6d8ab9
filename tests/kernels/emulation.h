// Enough of CUDA's device language for a C++ compiler to compile kernels and run them on a CPU.
//
// Blocks run one after another. A block without barriers, or of one thread, runs its threads in a
// loop; a block with barriers runs each thread on a stack of its own, and __syncthreads goes on
// with the next one. Memory of a block is poisoned with NaN before every block. A misaligned pack
// and a barrier that not every thread meets end the launch with a sentence.
#pragma once
#include <math.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __restrict__ __restrict
#define __align__(n) alignas(n)
#define __launch_bounds__(...)

struct dim3 { unsigned x, y, z; };
static dim3 blockIdx, threadIdx, blockDim, gridDim;

struct __half { uint16_t bits; };
struct __nv_bfloat16 { uint16_t bits; };

static inline float __half2float(__half h)
{
    _Float16 v;
    memcpy(&v, &h, 2);
    return (float)v;
}
static inline __half __float2half_rn(float v)
{
    _Float16 half = (_Float16)v;
    __half h;
    memcpy(&h, &half, 2);
    return h;
}
static inline float __bfloat162float(__nv_bfloat16 h)
{
    uint32_t bits = (uint32_t)h.bits << 16;
    float v;
    memcpy(&v, &bits, 4);
    return v;
}
static inline __nv_bfloat16 __float2bfloat16_rn(float v)
{
    uint32_t bits;
    memcpy(&bits, &v, 4);
    if ((bits & 0x7fffffff) > 0x7f800000)
        return {0x7fff};
    return {(uint16_t)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16)};  // ties to even
}

namespace emulation {

struct Fiber {
    ucontext_t context;
    jmp_buf place;
    char* stack;
    bool started, finished;
};
struct Area { void* start; size_t size; };

static const unsigned most_threads = 1024, most_areas = 256;
static const size_t stack_size = 128 << 10;
static Fiber fibers[most_threads];
static Area areas[most_areas];
static unsigned num_areas = 0;
static bool threads_wait = false;  // whether this launch has fibers
static unsigned current = 0;
static jmp_buf scheduler, way_out;
static ucontext_t beginning;
static char complaint[256];
static void (*body)(void**);
static void** body_arguments;

[[noreturn]] static void fail(const char* what)
{
    snprintf(complaint, sizeof complaint, "%s in thread %u of block %u, %u, %u", what, threadIdx.x,
             blockIdx.x, blockIdx.y, blockIdx.z);
    _longjmp(way_out, 1);
}

static void own(void* start, size_t size)
{
    for (unsigned i = 0; i < num_areas; i++)
        if (areas[i].start == start)
            return;
    if (num_areas == most_areas)
        fail("more block memory than emulation.h has room to list");
    areas[num_areas++] = {start, size};
    memset(start, 0xff, size);
}

static void barrier()
{
    if (threads_wait) {
        if (!_setjmp(fibers[current].place))
            _longjmp(scheduler, 1);
    } else if (blockDim.x > 1) {
        fail("a barrier in a kernel that is said to have none");
    }
}

static void fiber_main()
{
    body(body_arguments);
    fibers[current].finished = true;
    _longjmp(scheduler, 1);
}

static void resume(unsigned thread)
{
    Fiber& fiber = fibers[thread];
    current = thread;
    threadIdx.x = thread;
    if (_setjmp(scheduler))
        return;
    if (fiber.started)
        _longjmp(fiber.place, 1);
    if (!fiber.stack)
        fiber.stack = (char*)malloc(stack_size);
    fiber.started = true;
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack;
    fiber.context.uc_stack.ss_size = stack_size;
    fiber.context.uc_link = nullptr;
    makecontext(&fiber.context, fiber_main, 0);
    swapcontext(&beginning, &fiber.context);
}

static void run_block(bool reverse)
{
    const unsigned size = blockDim.x;
    for (unsigned i = 0; i < num_areas; i++)
        memset(areas[i].start, 0xff, areas[i].size);
    if (!threads_wait) {
        for (unsigned i = 0; i < size; i++) {
            threadIdx.x = reverse ? size - 1 - i : i;
            body(body_arguments);
        }
        return;
    }
    for (unsigned i = 0; i < size; i++)
        fibers[i].started = fibers[i].finished = false;
    for (unsigned left = size; left;) {  // a round: everything up to the next barrier
        unsigned finished = 0;
        for (unsigned i = 0; i < size; i++) {
            const unsigned thread = reverse ? size - 1 - i : i;
            resume(thread);
            finished += fibers[thread].finished;
        }
        if (finished && finished != size)
            fail("a barrier that some threads of the block do not meet");
        left -= finished;
    }
}

// NULL, or what went wrong.
static const char* launch(void (*kernel)(void**), void** arguments, const unsigned* grid,
                          unsigned block, bool barriers, bool reverse)
{
    body = kernel;
    body_arguments = arguments;
    gridDim = {grid[0], grid[1], grid[2]};
    blockDim = {block, 1, 1};
    threadIdx = {0, 0, 0};
    threads_wait = barriers && block > 1;
    if (_setjmp(way_out))
        return complaint;
    if (block > most_threads)
        fail("more threads than emulation.h has fibers for");
    for (unsigned z = 0; z < grid[2]; z++)
        for (unsigned y = 0; y < grid[1]; y++)
            for (unsigned x = 0; x < grid[0]; x++) {
                blockIdx = {x, y, z};
                run_block(reverse);
            }
    return nullptr;
}

}  // namespace emulation

#define __syncthreads() emulation::barrier()
#define BLOCK_SHARED(type, name, size) \
    alignas(16) static type name size; \
    emulation::own(&name, sizeof name)
#define EXPECT_ALIGNED(address) \
    if ((uintptr_t)(address) % 16) \
    emulation::fail("a pack of 16 bytes at an address that is no multiple of 16")
