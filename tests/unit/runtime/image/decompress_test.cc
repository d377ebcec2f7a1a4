// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/decompress.h"

#include <algorithm>
#include <cstring>
#include <zlib.h>
#include <zstd.h>

#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::image;

namespace {

// Gives at most `step` bytes at a time, as networks do.
ByteSource source_of(std::string bytes, std::size_t step = 1UL << 20) {
    return [bytes = std::move(bytes), step, at = 0UL](std::span<char> into) mutable -> Result<std::size_t> {
        const std::size_t size = std::min({into.size(), bytes.size() - at, step});
        std::memcpy(into.data(), bytes.data() + at, size);
        at += size;
        return size;
    };
}

Result<std::string> all_of(const ByteSource &source) {
    std::string all;
    std::vector<char> buffer(10'000);
    while (const std::size_t size = TRY(source(buffer))) {
        all.append(buffer.data(), size);
    }
    return all;
}

std::string gzipped(std::string_view text) {
    std::string out;
    GzipWriter writer([&](std::string_view bytes) -> Status {
        out += bytes;
        return {};
    });
    must(writer.write(text));
    must(writer.close());
    return out;
}

std::string zstd(std::string_view text) {
    std::string out(ZSTD_compressBound(text.size()), '\0');
    out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
    return out;
}

// With every optional field of the header that RFC 1952 knows.
std::string gzipped_with_header(const std::string &text) {
    gz_header header{};
    std::string extra = "extra";
    std::string name = "name";
    std::string comment = "comment";
    header.extra = reinterpret_cast<Bytef *>(extra.data());
    header.extra_len = static_cast<uInt>(extra.size());
    header.name = reinterpret_cast<Bytef *>(name.data());
    header.comment = reinterpret_cast<Bytef *>(comment.data());
    header.hcrc = 1;
    z_stream stream{};
    REQUIRE(deflateInit2(&stream, 9, Z_DEFLATED, 31, 9, Z_DEFAULT_STRATEGY) == Z_OK);
    REQUIRE(deflateSetHeader(&stream, &header) == Z_OK);
    std::string out(text.size() + 1000, '\0');
    stream.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef *>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

std::string sample() {
    std::string text;
    for (int line = 0; line < 50'000; line++) {
        text += "line " + std::to_string(line * 7919) + "\n";
    }
    return text;
}

} // namespace

TEST_CASE("every compression gives back what went in, in steps of any size", "[decompress]") {
    const std::string text = sample();
    for (const std::string &stream : {text, gzipped(text), zstd(text), gzipped_with_header(text)}) {
        for (const std::size_t step : {1UL, 3UL, 4096UL, 1UL << 20}) {
            if (step < 4096 && stream.size() > 1'000'000) {
                continue; // nothing new about it
            }
            CHECK(must(all_of(decompressed(source_of(stream, step), "x"))) == text);
        }
    }
    CHECK(must(all_of(decompressed(source_of(""), "x"))).empty());
    CHECK(must(all_of(decompressed(source_of(gzipped("")), "x"))).empty());
}

TEST_CASE("streams one after another are one stream", "[decompress]") {
    CHECK(must(all_of(decompressed(source_of(gzipped("a") + gzipped("b"), 1), "x"))) == "ab");
    CHECK(must(all_of(decompressed(source_of(gzipped("a") + gzipped("b")), "x"))) == "ab");
    CHECK(must(all_of(decompressed(source_of(zstd("a") + zstd("b")), "x"))) == "ab");
}

TEST_CASE("damaged and cut streams are refused", "[decompress]") {
    const std::string text = sample();
    for (const std::string &stream : {gzipped(text), zstd(text)}) {
        for (const std::size_t size : {6UL, 20UL, stream.size() / 2, stream.size() - 1}) {
            CAPTURE(size);
            CHECK(error_of(all_of(decompressed(source_of(stream.substr(0, size)), "x"))).code == EINVAL);
        }
        std::string damaged = stream;
        damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 0x55);
        damaged[damaged.size() / 2 + 1] = static_cast<char>(damaged[damaged.size() / 2 + 1] ^ 0x55);
        const Result<std::string> read = all_of(decompressed(source_of(damaged), "x"));
        CHECK((!read.has_value() || *read != text)); // zstd has a checksum only when it was asked for
        CHECK(error_of(all_of(decompressed(source_of(stream + "garbage"), "x"))).code == EINVAL);
    }
    std::string wrong_sum = gzipped(text);
    wrong_sum[wrong_sum.size() - 6] = static_cast<char>(wrong_sum[wrong_sum.size() - 6] ^ 1);
    CHECK(error_of(all_of(decompressed(source_of(wrong_sum), "x"))).code == EINVAL);
    CHECK(error_of(all_of(decompressed(source_of("BZh91AY&SY"), "x"))).code == ENOTSUP);
    CHECK(error_of(all_of(decompressed(source_of(std::string("\xfd\x37zXZ\0\0\0", 8)), "x"))).code == ENOTSUP);
}

TEST_CASE("a decompression bomb is stopped", "[decompress]") {
    const std::string zeros(4UL << 20, '\0');
    const InflateLimits ratio{.most_bytes = 1UL << 30, .most_ratio = 100, .free_bytes = 1UL << 20};
    for (const std::string &bomb : {gzipped(zeros), zstd(zeros)}) {
        const Error error = error_of(all_of(decompressed(source_of(bomb), "x", ratio)));
        CHECK(error.code == EFBIG);
        CHECK(error.message.contains("decompression bomb"));
    }
    const InflateLimits bytes{.most_bytes = 1UL << 20};
    CHECK(error_of(all_of(decompressed(source_of(gzipped(zeros)), "x", bytes))).code == EFBIG);
    CHECK(error_of(all_of(decompressed(source_of(zeros), "x", bytes))).code == EFBIG);
}

TEST_CASE("the source's own errors come through", "[decompress]") {
    const ByteSource broken = [](std::span<char>) -> Result<std::size_t> { return fail(ECONNRESET, "gone"); };
    CHECK(error_of(all_of(decompressed(broken, "x"))).code == ECONNRESET);
}
