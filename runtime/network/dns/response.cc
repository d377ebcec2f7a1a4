// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/dns/response.h"

#include "runtime/network/dns/wire.h"

namespace ballast::dns {
namespace {

constexpr std::size_t kTail = 4; // type and class of a question

// Of a message with one question and a name without pointers; 0: it is cut short.
std::size_t question_end(std::string_view message) {
    std::size_t at = kHeaderSize;
    while (at < message.size()) {
        const auto length = static_cast<unsigned char>(message[at]);
        if (length > kLongestLabel) {
            return 0;
        }
        at += 1 + length;
        if (length == 0) {
            return at + kTail <= message.size() ? at + kTail : 0;
        }
    }
    return 0;
}

} // namespace

bool is_response_to(std::string_view response, std::string_view query) {
    if (response.size() < kHeaderSize || number_at(response, 0) != number_at(query, 0)) {
        return false;
    }
    const unsigned flags = number_at(response, kFlagsAt);
    if ((flags & kIsAnswer) == 0 || (flags & kOpcode) != (number_at(query, kFlagsAt) & kOpcode)) {
        return false;
    }
    if (number_at(response, kQuestionsAt) == 0) {
        return code_of(response) != Code::kNoError;
    }
    const std::size_t end = question_end(query);
    if (number_at(response, kQuestionsAt) != 1 || end == 0 || response.size() < end) {
        return false;
    }
    // Lengths of labels are below any letter, so the whole name may be compared as text.
    const std::size_t name = end - kHeaderSize - kTail;
    return lower_case(response.substr(kHeaderSize, name)) == lower_case(query.substr(kHeaderSize, name)) &&
           response.substr(end - kTail, kTail) == query.substr(end - kTail, kTail);
}

Code code_of(std::string_view response) { return static_cast<Code>(number_at(response, kFlagsAt) & kCodeMask); }

std::string cut_to(std::string response, std::size_t limit) {
    if (response.size() <= limit) {
        return response;
    }
    const std::size_t end = number_at(response, kQuestionsAt) == 1 ? question_end(response) : 0;
    response.resize(end == 0 ? kHeaderSize : end);
    put_number_at(response, kFlagsAt, number_at(response, kFlagsAt) | kIsTruncated);
    put_number_at(response, kQuestionsAt, end == 0 ? 0 : 1);
    for (const std::size_t count : {kAnswersAt, kAuthoritiesAt, kAdditionalsAt}) {
        put_number_at(response, count, 0);
    }
    return response;
}

} // namespace ballast::dns
