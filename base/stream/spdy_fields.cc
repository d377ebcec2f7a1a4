// SPDX-License-Identifier: Apache-2.0
#include "base/stream/spdy_fields.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <zlib.h>

namespace ballast::stream {
namespace {

constexpr std::size_t kWord = 4; // bytes of a number
constexpr unsigned kByte = 8;
constexpr int kWindowBits = 11; // enough for the dictionary; the window is memory that each connection keeps
constexpr int kMemoryLevel = 2;

constexpr std::array<std::string_view, 65> kWords = {"options",
                                                     "head",
                                                     "post",
                                                     "put",
                                                     "delete",
                                                     "trace",
                                                     "accept",
                                                     "accept-charset",
                                                     "accept-encoding",
                                                     "accept-language",
                                                     "accept-ranges",
                                                     "age",
                                                     "allow",
                                                     "authorization",
                                                     "cache-control",
                                                     "connection",
                                                     "content-base",
                                                     "content-encoding",
                                                     "content-language",
                                                     "content-length",
                                                     "content-location",
                                                     "content-md5",
                                                     "content-range",
                                                     "content-type",
                                                     "date",
                                                     "etag",
                                                     "expect",
                                                     "expires",
                                                     "from",
                                                     "host",
                                                     "if-match",
                                                     "if-modified-since",
                                                     "if-none-match",
                                                     "if-range",
                                                     "if-unmodified-since",
                                                     "last-modified",
                                                     "location",
                                                     "max-forwards",
                                                     "pragma",
                                                     "proxy-authenticate",
                                                     "proxy-authorization",
                                                     "range",
                                                     "referer",
                                                     "retry-after",
                                                     "server",
                                                     "te",
                                                     "trailer",
                                                     "transfer-encoding",
                                                     "upgrade",
                                                     "user-agent",
                                                     "vary",
                                                     "via",
                                                     "warning",
                                                     "www-authenticate",
                                                     "method",
                                                     "get",
                                                     "status",
                                                     "200 OK",
                                                     "version",
                                                     "HTTP/1.1",
                                                     "url",
                                                     "public",
                                                     "set-cookie",
                                                     "keep-alive",
                                                     "origin"};

constexpr std::string_view kRest =
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden"
    "404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable"
    "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
    "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,"
    "publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.";

std::string word(std::size_t number) {
    std::string bytes(kWord, '\0');
    for (std::size_t place = kWord; place-- > 0; number >>= kByte) {
        bytes[place] = static_cast<char>(number & 0xff);
    }
    return bytes;
}

// Reads numbers and texts off the front; what is not there is an error, once and for all.
class Reader {
  public:
    explicit Reader(std::string_view bytes) : bytes_(bytes) {}
    std::size_t number() {
        std::size_t number = 0;
        for (const char c : take(kWord)) {
            number = number << kByte | static_cast<unsigned char>(c);
        }
        return number;
    }
    std::string text() { return std::string(take(number())); }
    bool failed() const { return failed_; }
    bool at_end() const { return bytes_.empty(); }

  private:
    std::string_view take(std::size_t size) {
        if (failed_ || size > bytes_.size()) {
            failed_ = true;
            return {};
        }
        const std::string_view taken = bytes_.substr(0, size);
        bytes_.remove_prefix(size);
        return taken;
    }
    std::string_view bytes_;
    bool failed_ = false;
};

bool is_field_name(std::string_view name) {
    return !name.empty() && std::ranges::none_of(name, [](char c) { return (c >= 'A' && c <= 'Z') || c <= ' '; });
}

Result<Fields> parse_fields(std::string_view bytes) {
    Reader reader(bytes);
    Fields fields;
    for (std::size_t left = reader.number(); left > 0 && !reader.failed(); left--) {
        std::string name = reader.text();
        std::string value = reader.text();
        if (reader.failed() || !is_field_name(name) ||
            std::ranges::contains(fields, name, &Fields::value_type::first)) {
            return fail(EPROTO, "SPDY: fields that cannot be read");
        }
        fields.emplace_back(std::move(name), std::move(value));
    }
    if (reader.failed() || !reader.at_end()) {
        return fail(EPROTO, "SPDY: fields that cannot be read");
    }
    return fields;
}

Bytef *bytes_of(const std::string &text) {
    return reinterpret_cast<Bytef *>(const_cast<char *>(text.data())); // zlib only reads it
}

} // namespace

std::string_view field(const Fields &fields, std::string_view name) {
    const auto found = std::ranges::find(fields, name, &Fields::value_type::first);
    return found == fields.end() ? std::string_view() : std::string_view(found->second);
}

const std::string &spdy_dictionary() {
    static const std::string kDictionary = [] {
        std::string text;
        for (const std::string_view each : kWords) {
            text += word(each.size()) + std::string(each);
        }
        return text + std::string(kRest);
    }();
    return kDictionary;
}

struct FieldsPacker::State {
    z_stream zlib{};
    ~State() { deflateEnd(&zlib); }
};

FieldsPacker::FieldsPacker(std::unique_ptr<State> state) : state_(std::move(state)) {}
FieldsPacker::FieldsPacker(FieldsPacker &&) noexcept = default;
FieldsPacker &FieldsPacker::operator=(FieldsPacker &&) noexcept = default;
FieldsPacker::~FieldsPacker() = default;

Result<FieldsPacker> FieldsPacker::make() {
    auto state = std::make_unique<State>();
    const std::string &dictionary = spdy_dictionary();
    if (deflateInit2(&state->zlib, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kWindowBits, kMemoryLevel, Z_DEFAULT_STRATEGY) !=
            Z_OK ||
        deflateSetDictionary(&state->zlib, bytes_of(dictionary), static_cast<uInt>(dictionary.size())) != Z_OK) {
        return fail_errno("SPDY: zlib", ENOMEM);
    }
    return FieldsPacker(std::move(state));
}

std::string FieldsPacker::pack(const Fields &fields) {
    std::string plain = word(fields.size());
    for (const auto &[name, value] : fields) {
        plain += word(name.size()) + name + word(value.size()) + value;
    }
    std::string packed;
    z_stream &zlib = state_->zlib;
    zlib.next_in = bytes_of(plain);
    zlib.avail_in = static_cast<uInt>(plain.size());
    std::array<char, 1024> piece{};
    do {
        zlib.next_out = reinterpret_cast<Bytef *>(piece.data());
        zlib.avail_out = piece.size();
        (void)deflate(&zlib, Z_SYNC_FLUSH); // with room for output it makes progress, or there is nothing left to do
        packed.append(piece.data(), piece.size() - zlib.avail_out);
    } while (zlib.avail_out == 0);
    return packed;
}

struct FieldsUnpacker::State {
    z_stream zlib{};
    ~State() { inflateEnd(&zlib); }
};

FieldsUnpacker::FieldsUnpacker(std::unique_ptr<State> state) : state_(std::move(state)) {}
FieldsUnpacker::FieldsUnpacker(FieldsUnpacker &&) noexcept = default;
FieldsUnpacker &FieldsUnpacker::operator=(FieldsUnpacker &&) noexcept = default;
FieldsUnpacker::~FieldsUnpacker() = default;

Result<FieldsUnpacker> FieldsUnpacker::make() {
    auto state = std::make_unique<State>();
    if (inflateInit(&state->zlib) != Z_OK) {
        return fail_errno("SPDY: zlib", ENOMEM);
    }
    return FieldsUnpacker(std::move(state));
}

Result<Fields> FieldsUnpacker::unpack(std::string_view block, std::size_t most) {
    const std::string input(block);
    std::string plain;
    z_stream &zlib = state_->zlib;
    zlib.next_in = bytes_of(input);
    zlib.avail_in = static_cast<uInt>(input.size());
    std::array<char, 4096> piece{};
    while (true) {
        zlib.next_out = reinterpret_cast<Bytef *>(piece.data());
        zlib.avail_out = piece.size();
        int result = inflate(&zlib, Z_SYNC_FLUSH);
        if (result == Z_NEED_DICT) {
            const std::string &dictionary = spdy_dictionary();
            result = inflateSetDictionary(&zlib, bytes_of(dictionary), static_cast<uInt>(dictionary.size()));
        }
        plain.append(piece.data(), piece.size() - zlib.avail_out);
        if (plain.size() > most) {
            return fail(EFBIG, "SPDY: more than " + std::to_string(most) + " bytes of fields");
        }
        if (result == Z_BUF_ERROR || (result == Z_OK && zlib.avail_in == 0 && zlib.avail_out != 0)) {
            break; // all of it was read
        }
        if (result != Z_OK) {
            return fail(EPROTO, "SPDY: fields that cannot be unpacked");
        }
    }
    return parse_fields(plain);
}

} // namespace ballast::stream
