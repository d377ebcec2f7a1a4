// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "tests/fuzz/fuzzer.h"

namespace ballast::fuzz {
namespace {

using Json = nlohmann::json;

// Values that parsers are wrong about: ends of ranges, other types, texts that steer a path or a terminal.
const char *const kOddValues[] = {"null",
                                  "true",
                                  "false",
                                  "0",
                                  "-1",
                                  "1",
                                  "65535",
                                  "65536",
                                  "2147483648",
                                  "4294967295",
                                  "4294967296",
                                  "-2147483649",
                                  "9223372036854775807",
                                  "9223372036854775808",
                                  "-9223372036854775808",
                                  "18446744073709551615",
                                  "18446744073709551616",
                                  "1.5",
                                  "1e308",
                                  "-0",
                                  "[]",
                                  "{}",
                                  "[[]]",
                                  "[null]",
                                  R"({"":""})",
                                  R"("")",
                                  R"("/")",
                                  R"("..")",
                                  R"("/../..")",
                                  R"("a\u0000b")",
                                  R"("\n")",
                                  R"("\u001b[2J")",
                                  R"("\u202e")",
                                  R"("\ud83d\ude00")",
                                  R"("%s%n%d")",
                                  R"("0-3,7")",
                                  R"("4294967296")"};

template <typename List>
const auto &any_of(const List &list, Random &random) {
    return list[random() % std::size(list)];
}

void collect(Json &value, std::vector<Json *> &into) {
    into.push_back(&value);
    if (value.is_structured()) {
        for (Json &child : value) {
            collect(child, into);
        }
    }
}

Json *any_value(Json &document, Random &random) {
    std::vector<Json *> values;
    collect(document, values);
    return any_of(values, random);
}

void grow(Json &value, Random &random) {
    if (value.is_array() && !value.empty()) {
        Json item = value[random() % value.size()];
        std::size_t count = std::size_t{1} << random() % 11;
        for (std::size_t place = 0; place < count; place++) {
            value.push_back(item);
        }
    } else if (value.is_string()) {
        value = std::string(std::size_t{1} << random() % 13, 'x') + value.get<std::string>();
    } else {
        for (std::size_t depth = random() % 70; depth > 0; depth--) {
            value = Json::array({std::move(value)});
        }
    }
}

void remove_child(Json &value, Random &random) {
    if (value.is_structured() && !value.empty()) {
        auto child = value.begin();
        std::advance(child, random() % value.size());
        value.erase(child);
    }
}

void rename_member(Json &value, const std::vector<std::string> &words, Random &random) {
    if (value.is_object() && !value.empty()) {
        auto child = value.begin();
        std::advance(child, random() % value.size());
        Json moved = std::move(*child);
        value.erase(child);
        value[words.empty() ? "x" : any_of(words, random)] = std::move(moved);
    }
}

void mutate_value(Json &document, const std::vector<std::string> &others, const std::vector<std::string> &words,
                  Random &random) {
    Json &value = *any_value(document, random);
    switch (random() % 8) {
    case 0:
    case 1:
        value = Json::parse(any_of(kOddValues, random), nullptr, false);
        break;
    case 2:
        value = words.empty() ? Json("x") : Json(any_of(words, random));
        break;
    case 3:
        remove_child(value, random);
        break;
    case 4:
        rename_member(value, words, random);
        break;
    case 5:
        grow(value, random);
        break;
    case 6: {
        Json other = Json::parse(any_of(others, random), nullptr, false);
        value = Json(*any_value(other, random)); // a copy: of what `other` takes along when it goes
        break;
    }
    default:
        if (value.is_number_integer()) {
            // Unsigned, so that it may wrap around.
            value = static_cast<std::int64_t>(value.get<std::uint64_t>() + random() % 5 - 2);
        } else if (value.is_object()) {
            value[words.empty() ? "x" : any_of(words, random)] =
                Json::parse(any_of(kOddValues, random), nullptr, false);
        }
    }
}

} // namespace

std::string mutate_bytes(std::string text, const std::vector<std::string> &words, Random &random) {
    for (std::size_t changes = 1 + random() % 4; changes > 0; changes--) {
        std::size_t place = text.empty() ? 0 : random() % text.size();
        std::size_t size = std::min<std::size_t>(random() % 64, text.size() - place);
        switch (random() % 6) {
        case 0:
            text.insert(place, 1, static_cast<char>(random()));
            break;
        case 1:
            text.erase(place, size);
            break;
        case 2:
            text.insert(random() % (text.size() + 1),
                        std::string(text, place, size)); // so that members stand there twice
            break;
        case 3:
            text.resize(place);
            break;
        case 4:
            text.insert(place, words.empty() ? "\"" : any_of(words, random));
            break;
        default:
            if (!text.empty()) {
                text[place] = static_cast<char>(static_cast<unsigned char>(text[place]) ^ (1U << random() % 8));
            }
        }
    }
    return text;
}

std::string mutate_json(const std::string &text, const std::vector<std::string> &others,
                        const std::vector<std::string> &words, Random &random) {
    Json document = Json::parse(text, nullptr, false);
    if (document.is_discarded()) {
        return mutate_bytes(text, words, random);
    }
    for (std::size_t changes = 1 + random() % 3; changes > 0; changes--) {
        mutate_value(document, others, words, random);
    }
    return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

} // namespace ballast::fuzz
