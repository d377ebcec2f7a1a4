// SPDX-License-Identifier: Apache-2.0
#include "base/json/json_cursor.h"

#include <cerrno>

namespace ballast {
namespace {

using Kind = JsonTree::Kind;

constexpr std::size_t kMostNamesShown = 10;

// What to ask for in the place of `value`: a fraction is told apart from a whole number beyond 64 bits.
std::string wanted_number(const JsonTree &tree, JsonTree::Place place, const std::string &lowest,
                          const std::string &highest) {
    const JsonTree::Node &value = tree.node(place);
    bool whole =
        value.kind == Kind::kUnsigned || value.kind == Kind::kNegative ||
        (value.kind == Kind::kFraction && tree.text(value.text).find_first_of(".eE") == std::string_view::npos);
    return whole ? "a whole number from " + lowest + " to " + highest : "a whole number";
}

} // namespace

Result<JsonDocument> JsonDocument::parse(std::string_view text, const std::string &name) {
    return JsonDocument(TRY(JsonTree::parse(text, name)), name);
}

void JsonDocument::fail_at(const std::string &path, const std::string &problem) {
    if (!failed_) {
        failed_ = true;
        message_ = name_ + ": " + path + (path.empty() ? "" : ": ") + problem;
    }
}

Status JsonDocument::status() const {
    if (failed_) {
        return ballast::fail(EINVAL, message_);
    }
    return {};
}

std::string JsonCursor::path() const {
    if (given()) {
        return document_->tree().path(place_);
    }
    return json_member_path(parent_ == kMissing ? "" : document_->tree().path(parent_), member_);
}

std::string_view JsonCursor::name() const { return given() ? document_->tree().text(node().name) : member_; }

JsonCursor JsonCursor::at(std::string_view member) const {
    JsonCursor result(*document_, kMissing, place_, member);
    if (!given()) {
        return result;
    }
    const JsonTree &tree = document_->tree();
    if (node().kind != Kind::kObject) {
        refuse("an object");
        return result;
    }
    for (JsonTree::Place child = tree.first_child(place_); child != node().next; child = tree.node(child).next) {
        if (tree.text(tree.node(child).name) != member) {
            continue;
        }
        if (result.given()) {
            result.fail("stands here twice");
        }
        result.place_ = child;
    }
    if (result.given() && result.node().kind == Kind::kNull) {
        result.place_ = kMissing;
    }
    return result;
}

JsonCursor JsonCursor::need(std::string_view member) const {
    JsonCursor result = at(member);
    if (given() && !result.given()) {
        result.fail("missing");
    }
    return result;
}

bool JsonCursor::boolean() const {
    if (!given()) {
        return false;
    }
    if (node().kind != Kind::kTrue && node().kind != Kind::kFalse) {
        refuse("true or false");
    }
    return node().kind == Kind::kTrue;
}

std::string_view JsonCursor::view() const {
    if (!given()) {
        return {};
    }
    if (node().kind != Kind::kText) {
        refuse("a text");
        return {};
    }
    std::string_view text = document_->tree().text(node().text);
    if (text.contains('\0')) {
        refuse("a text without NUL bytes"); // the kernel would see less of it than whoever checked it
        return {};
    }
    return text;
}

std::string JsonCursor::absolute_path() const {
    std::string_view text = view();
    if (given() && !text.starts_with('/')) {
        refuse("an absolute path");
    }
    return std::string(text);
}

std::vector<std::string> JsonCursor::texts() const {
    Children children = items();
    std::vector<std::string> result;
    result.reserve(children.size());
    for (JsonCursor item : children) {
        result.push_back(item.text());
    }
    return result;
}

std::int64_t JsonCursor::signed_number(std::int64_t lowest, std::int64_t highest, std::int64_t otherwise) const {
    if (!given()) {
        return otherwise;
    }
    auto value = static_cast<std::int64_t>(node().number);
    bool whole = node().kind == Kind::kNegative || (node().kind == Kind::kUnsigned && value >= 0);
    if (!whole || value < lowest || value > highest) {
        refuse(wanted_number(document_->tree(), place_, std::to_string(lowest), std::to_string(highest)));
        return otherwise;
    }
    return value;
}

std::uint64_t JsonCursor::unsigned_number(std::uint64_t lowest, std::uint64_t highest, std::uint64_t otherwise) const {
    if (!given()) {
        return otherwise;
    }
    if (node().kind != Kind::kUnsigned || node().number < lowest || node().number > highest) {
        refuse(wanted_number(document_->tree(), place_, std::to_string(lowest), std::to_string(highest)));
        return otherwise;
    }
    return node().number;
}

const NamedNumber *JsonCursor::one_of(std::span<const NamedNumber> table, std::string_view what) const {
    if (!given()) {
        return nullptr;
    }
    std::string_view text = view();
    for (const NamedNumber &entry : table) {
        if (entry.name == text) {
            return &entry;
        }
    }
    std::string wanted(what);
    if (table.size() <= kMostNamesShown) {
        wanted = "one of";
        for (const NamedNumber &entry : table) {
            wanted += std::string(wanted == "one of" ? " " : ", ").append(entry.name);
        }
    }
    refuse(wanted);
    return nullptr;
}

JsonCursor::Children JsonCursor::items(std::size_t most) const {
    Children none(document_, 0, 0, 0);
    if (!given() || document_->failed()) {
        return none;
    }
    if (node().kind != Kind::kArray) {
        refuse("an array");
        return none;
    }
    const JsonTree &tree = document_->tree();
    std::size_t size = 0;
    for (JsonTree::Place child = tree.first_child(place_); child != node().next; child = tree.node(child).next) {
        size++;
    }
    if (size > most) {
        fail("want at most " + std::to_string(most) + " items, have " + std::to_string(size));
        return none;
    }
    return {document_, tree.first_child(place_), node().next, size};
}

JsonCursor::Children JsonCursor::members() const {
    if (!given() || document_->failed()) {
        return {document_, 0, 0, 0};
    }
    if (node().kind != Kind::kObject) {
        refuse("an object");
        return {document_, 0, 0, 0};
    }
    const JsonTree &tree = document_->tree();
    std::size_t size = 0;
    for (JsonTree::Place child = tree.first_child(place_); child != node().next; child = tree.node(child).next) {
        if (tree.text(tree.node(child).name).contains('\0')) {
            JsonCursor(*document_, child, JsonTree::kRoot, {}).fail("want a name without NUL bytes");
            return {document_, 0, 0, 0};
        }
        size++;
    }
    return {document_, tree.first_child(place_), node().next, size};
}

void JsonCursor::refuse(const std::string &wanted) const {
    fail("want " + wanted + ", have " + (given() ? document_->tree().shown(place_) : "nothing"));
}

void JsonCursor::fail(const std::string &problem) const {
    if (!document_->failed()) {
        document_->fail_at(path(), problem);
    }
}

void JsonCursor::warn(const std::string &text) const { document_->warn(path() + ": " + text); }

} // namespace ballast
