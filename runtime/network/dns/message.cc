// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/dns/message.h"

#include <algorithm>

#include "runtime/network/dns/wire.h"

namespace ballast::dns {
namespace {

constexpr std::size_t kRecordTail = 10; // type, class, time to live, length
constexpr std::size_t kOptSize = 1 + kRecordTail;
constexpr unsigned kLink = 0xc0; // RFC 1035 4.1.4: a pointer in place of a label
constexpr std::uint16_t kQuestionLink = 0xc000 | kHeaderSize;
constexpr std::uint32_t kDnssecOk = 0x8000; // in the time to live of OPT

bool is_name_byte(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'; }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

void append_label(std::string &name, std::string_view label) {
    if (!name.empty()) {
        name += '.';
    }
    for (const char raw : label) {
        const char c = lower(raw);
        if (is_name_byte(c)) {
            name += c;
            continue;
        }
        const unsigned value = static_cast<unsigned char>(c);
        constexpr unsigned kTen = 10;
        name += '\\';
        name += static_cast<char>('0' + (value / (kTen * kTen)));
        name += static_cast<char>('0' + (value / kTen % kTen));
        name += static_cast<char>('0' + (value % kTen));
    }
}

// A cursor that stays inside of the message.
class Reader {
  public:
    explicit Reader(std::string_view message) : message_(message) {}
    std::size_t at() const { return at_; }
    bool skip(std::size_t size) {
        if (message_.size() - at_ < size) {
            return false;
        }
        at_ += size;
        return true;
    }
    std::optional<std::uint16_t> number() {
        return skip(2) ? std::optional(number_at(message_, at_ - 2)) : std::nullopt;
    }
    // The question's name: without pointers, for there is nothing before it to point to.
    std::optional<std::string> name() {
        std::string name;
        const std::size_t start = at_;
        while (at_ < message_.size()) {
            const auto length = static_cast<unsigned char>(message_[at_]);
            if (length > kLongestLabel || at_ + 1 + length - start >= kLongestName || !skip(1 + length)) {
                return std::nullopt;
            }
            if (length == 0) {
                return name;
            }
            append_label(name, message_.substr(at_ - length, length));
        }
        return std::nullopt;
    }
    // The name of a record behind it.
    bool skip_name() {
        const std::size_t start = at_;
        while (at_ < message_.size() && at_ - start < kLongestName) {
            const auto length = static_cast<unsigned char>(message_[at_]);
            if ((length & kLink) == kLink) {
                return skip(2);
            }
            if (length > kLongestLabel || !skip(1 + length)) {
                return false;
            }
            if (length == 0) {
                return true;
            }
        }
        return false;
    }

  private:
    std::string_view message_;
    std::size_t at_ = kHeaderSize;
};

std::unexpected<Unanswerable> refuse(std::string_view message, Code code) {
    std::string reply(kHeaderSize, '\0');
    reply.replace(0, 2, message.substr(0, 2));
    const unsigned flags = number_at(message, kFlagsAt);
    put_number_at(reply, kFlagsAt, kIsAnswer | (flags & (kOpcode | kRecursionDesired)) | static_cast<unsigned>(code));
    return std::unexpected(Unanswerable{std::move(reply)});
}

struct Edns {
    bool present = false, bad = false;
    unsigned version = 0;
    std::uint16_t udp_limit = 0;
    bool dnssec_ok = false;
};

// Reads over one record. False when it is cut short, or is an OPT where none may be.
bool read_record(Reader &reader, std::string_view message, bool additional, Edns &edns) {
    const std::size_t start = reader.at();
    if (!reader.skip_name()) {
        return false;
    }
    const bool of_root = reader.at() - start == 1;
    const auto type = reader.number();
    const auto of_class = reader.number();
    const std::size_t time_at = reader.at();
    if (!type || !of_class || !reader.skip(4)) {
        return false;
    }
    const auto length = reader.number();
    if (!length || !reader.skip(*length)) {
        return false;
    }
    if (*type != kOpt) {
        return true;
    }
    if (edns.present || !additional || !of_root) {
        return false; // RFC 6891 6.1.1
    }
    edns = {.present = true,
            .bad = false,
            .version = static_cast<unsigned char>(message[time_at + 1]),
            .udp_limit = *of_class,
            .dnssec_ok = (number_at(message, time_at + 2) & kDnssecOk) != 0};
    return true;
}

std::optional<std::string> name_bytes(std::string_view name) {
    std::string bytes;
    while (!name.empty()) {
        const std::size_t end = std::min(name.find('.'), name.size());
        if (end == 0 || end > kLongestLabel) {
            return std::nullopt;
        }
        bytes += static_cast<char>(end);
        bytes += name.substr(0, end);
        name.remove_prefix(std::min(end + 1, name.size()));
    }
    bytes += '\0';
    return bytes.size() <= kLongestName ? std::optional(bytes) : std::nullopt;
}

std::string data_of(const Record &record) {
    if (const auto *name = std::get_if<std::string>(&record)) {
        return name_bytes(*name).value_or("");
    }
    return std::string(std::get<Address>(record).raw());
}

Type type_of(const Record &record) {
    const auto *address = std::get_if<Address>(&record);
    return address == nullptr ? kPtr : address->family == network::Family::kV4 ? kA : kAaaa;
}

} // namespace

std::expected<Query, Unanswerable> read_query(std::string_view message) {
    if (message.size() < kHeaderSize) {
        return std::unexpected(Unanswerable{});
    }
    const unsigned flags = number_at(message, kFlagsAt);
    if ((flags & kIsAnswer) != 0) {
        return std::unexpected(Unanswerable{}); // answering answers is how two servers never stop
    }
    if ((flags & kOpcode) != 0) {
        return refuse(message, Code::kNotImplemented);
    }
    Reader reader(message);
    const std::size_t questions = number_at(message, kQuestionsAt);
    std::optional<std::string> name = questions == 1 && (flags & kIsTruncated) == 0 ? reader.name() : std::nullopt;
    const auto type = name ? reader.number() : std::nullopt;
    const auto of_class = type ? reader.number() : std::nullopt;
    if (!of_class) {
        return refuse(message, Code::kFormatError);
    }
    Query query{.id = number_at(message, 0),
                .recursion_desired = (flags & kRecursionDesired) != 0,
                .checking_disabled = (flags & kCheckingDisabled) != 0,
                .name = std::move(*name),
                .type = *type,
                .of_class = *of_class,
                .question = std::string(message.substr(kHeaderSize, reader.at() - kHeaderSize))};
    const std::size_t before = std::size_t{number_at(message, kAnswersAt)} + number_at(message, kAuthoritiesAt);
    const std::size_t records = before + number_at(message, kAdditionalsAt);
    Edns edns;
    for (std::size_t i = 0; i < records; i++) {
        if (!read_record(reader, message, i >= before, edns)) {
            return refuse(message, Code::kFormatError);
        }
    }
    query.edns = edns.present;
    query.dnssec_ok = edns.dnssec_ok;
    if (edns.present) {
        query.udp_limit = std::clamp<std::size_t>(edns.udp_limit, kPlainLimit, kOurLimit);
    }
    if (edns.version != 0) {
        return std::unexpected(Unanswerable{write_response(query, Code::kBadVersion, {}, kPlainLimit)});
    }
    return query;
}

std::string reverse_name(const Address &address) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    constexpr unsigned kLow = 0xf, kHalf = 4;
    const bool v4 = address.family == network::Family::kV4;
    std::string name;
    for (std::size_t i = address.raw().size(); i-- > 0;) {
        const unsigned byte = address.bytes[i];
        if (v4) {
            name += std::to_string(byte) + ".";
            continue;
        }
        name += kDigits[byte & kLow];
        name += '.';
        name += kDigits[byte >> kHalf];
        name += '.';
    }
    return name + (v4 ? "in-addr.arpa" : "ip6.arpa");
}

std::string lower_case(std::string_view text) {
    std::string result(text);
    for (char &c : result) {
        c = lower(c);
    }
    return result;
}

std::string write_response(const Query &query, Code code, std::span<const Record> records, std::size_t limit) {
    std::string message(kHeaderSize, '\0');
    message += query.question;
    const std::size_t reserved = query.edns ? kOptSize : 0;
    unsigned answers = 0;
    bool truncated = false;
    for (const Record &record : records) {
        const std::string data = data_of(record);
        if (data.empty()) {
            continue; // a name that does not fit into a message cannot be asked for, either
        }
        if (message.size() + 2 + kRecordTail + data.size() + reserved > limit) {
            truncated = true;
            break;
        }
        put_number(message, kQuestionLink);
        put_number(message, type_of(record));
        put_number(message, kInternet);
        put_number(message, kTimeToLive >> 16);
        put_number(message, kTimeToLive & 0xffff);
        put_number(message, static_cast<unsigned>(data.size()));
        message += data;
        answers++;
    }
    constexpr unsigned kLowCode = 0xf;
    const auto value = static_cast<unsigned>(code);
    if (query.edns) {
        message += '\0';
        put_number(message, kOpt);
        put_number(message, kOurLimit);
        put_number(message, (value >> 4) << 8); // the code's upper bits, version 0
        put_number(message, query.dnssec_ok ? kDnssecOk : 0);
        put_number(message, 0);
    }
    put_number_at(message, 0, query.id);
    put_number_at(message, kFlagsAt,
                  kIsAnswer | kRecursionAvailable | (truncated ? kIsTruncated : 0U) |
                      (query.recursion_desired ? kRecursionDesired : 0U) |
                      (query.checking_disabled ? kCheckingDisabled : 0U) | (value & kLowCode));
    put_number_at(message, kQuestionsAt, 1);
    put_number_at(message, kAnswersAt, answers);
    put_number_at(message, kAdditionalsAt, query.edns ? 1 : 0);
    return message;
}

} // namespace ballast::dns
