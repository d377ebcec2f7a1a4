// SPDX-License-Identifier: Apache-2.0
#include "base/json/json_tree.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <nlohmann/json.hpp>

#include "base/quote.h"

namespace ballast {
namespace {

constexpr std::size_t kLongestShown = 64;

bool is_plain_word(std::string_view name) {
    return !name.empty() && name.size() <= kLongestShown && std::ranges::all_of(name, [](char character) {
        return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
               (character >= '0' && character <= '9') || character == '_' || character == '-';
    });
}

} // namespace

// Fills a JsonTree from nlohmann's parser, which calls it and does not recurse. Names follow that library.
class JsonTreeBuilder {
  public:
    explicit JsonTreeBuilder(std::size_t text_size) {
        tree_.texts_.reserve(text_size); // decoding never makes a text longer
        tree_.nodes_.reserve(std::min(text_size / 8 + 16, kMostJsonValues));
    }

    bool null() { return add(JsonTree::Kind::kNull); }
    bool boolean(bool value) { return add(value ? JsonTree::Kind::kTrue : JsonTree::Kind::kFalse); }
    bool number_unsigned(std::uint64_t value) {
        bool added = add(JsonTree::Kind::kUnsigned);
        tree_.nodes_.back().number = value;
        return added;
    }
    bool number_integer(std::int64_t value) {
        bool added = add(value < 0 ? JsonTree::Kind::kNegative : JsonTree::Kind::kUnsigned);
        tree_.nodes_.back().number = static_cast<std::uint64_t>(value);
        return added;
    }
    bool number_float(double /*value*/, const std::string &spelling) {
        bool added = add(JsonTree::Kind::kFraction);
        tree_.nodes_.back().text = keep(spelling);
        return added;
    }
    bool string(const std::string &value) {
        bool added = add(JsonTree::Kind::kText);
        tree_.nodes_.back().text = keep(value);
        return added;
    }
    bool binary(const nlohmann::json::binary_t & /*value*/) { return false; } // never in text
    bool key(const std::string &value) {
        name_ = keep(value);
        return true;
    }
    bool start_object(std::size_t /*size*/) { return start(JsonTree::Kind::kObject); }
    bool end_object() { return end(); }
    bool start_array(std::size_t /*size*/) { return start(JsonTree::Kind::kArray); }
    bool end_array() { return end(); }

    bool parse_error(std::size_t position, const std::string & /*last_token*/,
                     const nlohmann::detail::exception &problem) {
        position_ = position;
        // "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error while …"
        std::string_view text = problem.what();
        text = text.substr(std::min(text.find("] ") + 2, text.size()));
        if (text.starts_with("parse error at ")) {
            text = text.substr(std::min(text.find(": ") + 2, text.size()));
        }
        // What was read last may be as long as the whole text.
        problem_ = text.size() > 4 * kLongestShown ? escaped(text.substr(0, 4 * kLongestShown)) + "…" : escaped(text);
        return false;
    }

    const std::string &problem() const { return problem_; }
    std::size_t position() const { return position_; } // in the text; 0: not known
    JsonTree take() { return std::move(tree_); }

  private:
    bool add(JsonTree::Kind kind) {
        auto place = static_cast<JsonTree::Place>(tree_.nodes_.size());
        JsonTree::Node &node = tree_.nodes_.emplace_back();
        node.name = name_;
        node.next = place + 1;
        node.kind = kind;
        name_ = {};
        if (tree_.nodes_.size() > kMostJsonValues) {
            problem_ = "more than " + std::to_string(kMostJsonValues) + " values";
            return false;
        }
        return true;
    }

    bool start(JsonTree::Kind kind) {
        if (depth_ == kDeepestJson) {
            problem_ = "nested deeper than " + std::to_string(kDeepestJson);
            return false;
        }
        open_[depth_++] = static_cast<JsonTree::Place>(tree_.nodes_.size());
        return add(kind);
    }

    bool end() {
        tree_.nodes_[open_[--depth_]].next = static_cast<JsonTree::Place>(tree_.nodes_.size());
        return true;
    }

    JsonTree::Slice keep(std::string_view text) {
        JsonTree::Slice slice{static_cast<std::uint32_t>(tree_.texts_.size()), static_cast<std::uint32_t>(text.size())};
        tree_.texts_ += text;
        return slice;
    }

    JsonTree tree_;
    std::array<JsonTree::Place, kDeepestJson> open_{};
    unsigned depth_ = 0;
    JsonTree::Slice name_{};
    std::string problem_;
    std::size_t position_ = 0;
};

Result<JsonTree> JsonTree::parse(std::string_view text, const std::string &name) {
    if (text.size() > kLargestJson) {
        return fail(EFBIG, name + ": larger than " + std::to_string(kLargestJson) + " bytes");
    }
    if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
        return fail(EINVAL, name + ": empty");
    }
    JsonTreeBuilder builder(text.size());
    if (nlohmann::json::sax_parse(text.begin(), text.end(), &builder)) {
        return builder.take();
    }
    std::string where;
    if (builder.position() > 0) {
        std::string_view before = text.substr(0, std::min(builder.position() - 1, text.size()));
        auto line = std::ranges::count(before, '\n') + 1;
        std::size_t column = before.size() - (before.rfind('\n') + 1) + 1; // npos + 1 is 0: the first line
        where = "line " + std::to_string(line) + ", column " + std::to_string(column) + ": ";
    }
    return fail(EINVAL, name + ": " + where + builder.problem());
}

std::string json_member_path(std::string path, std::string_view member) {
    if (!is_plain_word(member)) {
        return path + "[" + shortly_quoted(member) + "]";
    }
    if (!path.empty()) {
        path += '.';
    }
    return path += member;
}

std::string shortly_quoted(std::string_view text) {
    if (text.size() <= kLongestShown) {
        return quote(text);
    }
    std::size_t size = kLongestShown;
    while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0U) == 0x80) {
        size--; // not inside of a character
    }
    return quote(text.substr(0, size)) + "…";
}

std::string JsonTree::path(Place place) const {
    std::string result;
    Place parent = kRoot;
    while (parent != place) {
        Place child = first_child(parent);
        std::size_t index = 0;
        for (; nodes_[child].next <= place; child = nodes_[child].next) {
            index++;
        }
        result = nodes_[parent].kind == Kind::kObject ? json_member_path(std::move(result), text(nodes_[child].name))
                                                      : result + "[" + std::to_string(index) + "]";
        parent = child;
    }
    return result;
}

std::string JsonTree::shown(Place place) const {
    const Node &value = nodes_[place];
    switch (value.kind) {
    case Kind::kNull:
        return "null";
    case Kind::kFalse:
        return "false";
    case Kind::kTrue:
        return "true";
    case Kind::kUnsigned:
        return std::to_string(value.number);
    case Kind::kNegative:
        return std::to_string(static_cast<std::int64_t>(value.number));
    case Kind::kFraction:
        return std::string(text(value.text).substr(0, kLongestShown));
    case Kind::kText:
        return shortly_quoted(text(value.text));
    case Kind::kArray:
        return "an array";
    case Kind::kObject:
        return "an object";
    }
    return "";
}

} // namespace ballast
