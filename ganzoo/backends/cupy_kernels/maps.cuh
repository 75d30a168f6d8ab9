// A walk over feature maps [N, C, H, W] in either layout, element by element, with sums per map.
//
// A Body says what becomes of an element:
//     A at(const A* values, const Place& place, A* sums) const
// takes the element's value in every input (0 where an input is null), adds to the sums of its
// map, and returns what is written to `out` (unless that is null). Sums are made in two stages,
// in an order that does not vary: every block writes those of its chunk of pixels to
// partial[chunk][sum][sample][channel], and the host function adds up the chunks.
//
// What a Body needs of a chunk before its pixels it puts behind the sums, by an overload of
// before_chunk; the pixel of the place is then the chunk's first.

struct Place {
    long long sample, channel, map, pixel;  // map = sample * channels + channel
};

struct Maps {
    long long samples, channels, pixels;
    long long span;  // pixels of a chunk; a multiple of the pack where packed
    int packed;      // 16-byte packs along the axis that is dense
    int unwanted;    // a bit for each sum that nobody asks for; it is written as zero
};

template <class Body, class A>
__device__ inline void before_chunk(const Body&, const Place&, A*)
{
}

// Elements [i, i + count) of every input, as packs where whole.
template <class T, int INPUTS>
__device__ inline void load_all(Pack<T>* packs, const T* const* in, long long i, int count,
                                bool whole)
{
#pragma unroll
    for (int j = 0; j < INPUTS; j++) {
        if (!in[j])
            continue;
        if (whole) {
            packs[j] = load_pack(in[j] + i);
        } else {
#pragma unroll
            for (int k = 0; k < Pack<T>::size; k++)
                if (k < count)
                    packs[j].v[k] = in[j][i + k];
        }
    }
}

template <class T>
__device__ inline void store_some(T* out, const Pack<T>& pack, long long i, int count, bool whole)
{
    if (!out)
        return;
    if (whole) {
        store_pack(out + i, pack);
        return;
    }
#pragma unroll
    for (int k = 0; k < Pack<T>::size; k++)
        if (k < count)
            out[i + k] = pack.v[k];
}

// NCHW: a block walks a chunk of one map, packs along the pixels.
template <class T, int INPUTS, int SUMS, class Body>
__device__ inline void over_planes(const Body& body, const Maps& maps, const T* const* in, T* out,
                                   Acc<T>* partial)
{
    typedef Acc<T> A;
    const int V = Pack<T>::size;
    BLOCK_SHARED(A, room, [256]);
    const long long chunks = (maps.pixels + maps.span - 1) / maps.span;
    const long long num_maps = maps.samples * maps.channels;
    for (long long b = blockIdx.x; b < num_maps * chunks; b += gridDim.x) {
        Place place;
        place.map = quotient(b, chunks);
        const long long chunk = b - place.map * chunks;
        place.sample = quotient(place.map, maps.channels);
        place.channel = place.map - place.sample * maps.channels;
        const long long first = chunk * maps.span, base = place.map * maps.pixels;
        const long long last = first + maps.span < maps.pixels ? first + maps.span : maps.pixels;
        A sums[SUMS + 1];
#pragma unroll
        for (int q = 0; q < SUMS; q++)
            sums[q] = 0;
        place.pixel = first;
        before_chunk(body, place, sums + SUMS);
        for (long long p = first + (long long)threadIdx.x * V; p < last;
             p += (long long)blockDim.x * V) {
            const int count = p + V <= last ? V : (int)(last - p);
            const bool whole = maps.packed && count == V;
            Pack<T> packs[INPUTS], result;
            load_all<T, INPUTS>(packs, in, base + p, count, whole);
#pragma unroll
            for (int k = 0; k < V; k++) {
                if (k < count) {
                    A values[INPUTS];
#pragma unroll
                    for (int j = 0; j < INPUTS; j++)
                        values[j] = in[j] ? up(packs[j].v[k]) : (A)0;
                    place.pixel = p + k;
                    down(&result.v[k], body.at(values, place, sums));
                }
            }
            store_some(out, result, base + p, count, whole);
        }
#pragma unroll
        for (int q = 0; q < SUMS; q++) {
            const bool wanted = !(maps.unwanted >> q & 1);
            const A total = wanted ? block_sum(sums[q], room) : (A)0;
            if (threadIdx.x == 0)
                partial[(chunk * SUMS + q) * num_maps + place.map] = total;
        }
    }
}

// channels_last: a block walks a chunk of pixels of one sample in a tile of channels. It has 128
// slots, each of one pack of channels in every so-manyth pixel; a thread takes one slot or more.
template <class T, int INPUTS, int SUMS, class Body>
__device__ inline void over_pixels(const Body& body, const Maps& maps, const T* const* in, T* out,
                                   Acc<T>* partial)
{
    typedef Acc<T> A;
    const int V = Pack<T>::size, SLOTS = 128;
    BLOCK_SHARED(A, room, [SUMS > 0 ? SUMS : 1][SUMS > 0 ? SLOTS * V : 1]);
    const long long chunks = (maps.pixels + maps.span - 1) / maps.span;
    const long long num_maps = maps.samples * maps.channels;
    const int num_packs = (int)((maps.channels + V - 1) / V);
    const int tiles = (num_packs + 31) / 32;
    const int width = (num_packs + tiles - 1) / tiles;
    const int rows = SLOTS / width;
    const int t = threadIdx.x;
    for (long long b = blockIdx.x; b < maps.samples * chunks * tiles; b += gridDim.x) {
        const long long share = quotient(b, tiles);
        const int tile = (int)(b - share * tiles);
        Place place;
        place.sample = quotient(share, chunks);
        const long long chunk = share - place.sample * chunks;
        const long long first = chunk * maps.span;
        const long long last = first + maps.span < maps.pixels ? first + maps.span : maps.pixels;
        for (int slot = t; slot < rows * width; slot += blockDim.x) {
            const int row = slot / width;
            const long long c0 = ((long long)tile * width + (slot - row * width)) * V;
            const int count = c0 + V <= maps.channels ? V : (int)(maps.channels - c0);
            const bool whole = maps.packed && count == V;
            A sums[V][SUMS + 1];
#pragma unroll
            for (int k = 0; k < V; k++)
#pragma unroll
                for (int q = 0; q < SUMS; q++)
                    sums[k][q] = 0;
            place.pixel = first;
#pragma unroll
            for (int k = 0; k < V; k++) {
                if (k < count) {
                    place.channel = c0 + k;
                    place.map = place.sample * maps.channels + place.channel;
                    before_chunk(body, place, sums[k] + SUMS);
                }
            }
            for (long long p = first + row; p < last && count > 0; p += rows) {
                const long long i = (place.sample * maps.pixels + p) * maps.channels + c0;
                Pack<T> packs[INPUTS], result;
                load_all<T, INPUTS>(packs, in, i, count, whole);
                place.pixel = p;
#pragma unroll
                for (int k = 0; k < V; k++) {
                    if (k < count) {
                        A values[INPUTS];
#pragma unroll
                        for (int j = 0; j < INPUTS; j++)
                            values[j] = in[j] ? up(packs[j].v[k]) : (A)0;
                        place.channel = c0 + k;
                        place.map = place.sample * maps.channels + place.channel;
                        down(&result.v[k], body.at(values, place, sums[k]));
                    }
                }
                store_some(out, result, i, count, whole);
            }
            if (SUMS > 0) {
#pragma unroll
                for (int k = 0; k < V; k++)
#pragma unroll
                    for (int q = 0; q < SUMS; q++)
                        room[q][slot * V + k] = sums[k][q];
            }
        }
        if (SUMS > 0) {
            __syncthreads();
            for (int j = t; j < width * V; j += blockDim.x) {
                const long long channel = (long long)tile * width * V + j;
                if (channel < maps.channels) {
                    for (int q = 0; q < SUMS; q++) {
                        A total = 0;
                        for (int row = 0; row < rows && !(maps.unwanted >> q & 1); row++)
                            total += room[q][row * width * V + j];
                        partial[(chunk * SUMS + q) * num_maps + place.sample * maps.channels +
                                channel] = total;
                    }
                }
            }
            __syncthreads();
        }
    }
}

template <class T, int LAST, int INPUTS, int SUMS, class Body>
__device__ inline void over_maps(const Body& body, const Maps& maps, const T* const* in, T* out,
                                 Acc<T>* partial)
{
    if (LAST)
        over_pixels<T, INPUTS, SUMS>(body, maps, in, out, partial);
    else
        over_planes<T, INPUTS, SUMS>(body, maps, in, out, partial);
}
