// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/json/json_tree.h"
#include "base/result.h"

namespace ballast {

// A name that a file may hold and the number it stands for.
struct NamedNumber {
    std::string_view name;
    std::uint64_t number = 0;
};

// A JSON text being read. It keeps the first thing that was wrong with it, so that a reader takes field after field
// and asks once, at the end: after a failure cursors give defaults and empty lists.
class JsonDocument {
  public:
    static Result<JsonDocument> parse(std::string_view text, const std::string &name);

    const JsonTree &tree() const { return tree_; }
    bool failed() const { return failed_; }
    // EINVAL, "NAME: PATH: PROBLEM". Only the first call counts.
    void fail_at(const std::string &path, const std::string &problem);
    void warn(std::string warning) { warnings_.push_back(std::move(warning)); }

    // The first failure, if there was one.
    Status status() const;
    std::vector<std::string> take_warnings() { return std::move(warnings_); }

  private:
    explicit JsonDocument(JsonTree tree, std::string name) : tree_(std::move(tree)), name_(std::move(name)) {}
    JsonTree tree_;
    std::string name_;
    bool failed_ = false;
    std::string message_;
    std::vector<std::string> warnings_;
};

// One value of a document, or the place where one is missing; it knows its path. null is the same as missing. Cheap to
// copy; the document must stay where it is.
class JsonCursor {
  public:
    class Children;

    explicit JsonCursor(JsonDocument &document) : JsonCursor(document, JsonTree::kRoot, JsonTree::kRoot, {}) {}

    bool given() const { return place_ != kMissing; }
    std::string path() const;
    std::string_view name() const; // in its object

    // A member. A name that stands there twice is refused: whoever wrote the file and we could read different things.
    JsonCursor at(std::string_view member) const;
    // The same, and its absence is a failure.
    JsonCursor need(std::string_view member) const;

    bool boolean() const; // false when missing
    // Without NUL bytes; empty when missing. The view lives as long as the document.
    std::string_view view() const;
    std::string text() const { return std::string(view()); }
    std::string absolute_path() const;
    std::vector<std::string> texts() const;

    // A whole number in the given range; `otherwise` when missing.
    template <typename Number>
    Number number(Number lowest = std::numeric_limits<Number>::min(),
                  Number highest = std::numeric_limits<Number>::max(), Number otherwise = 0) const {
        if constexpr (std::is_signed_v<Number>) {
            return static_cast<Number>(signed_number(lowest, highest, otherwise));
        } else {
            return static_cast<Number>(unsigned_number(lowest, highest, otherwise));
        }
    }
    template <typename Number>
    std::optional<Number> optional_number(Number lowest = std::numeric_limits<Number>::min(),
                                          Number highest = std::numeric_limits<Number>::max()) const {
        return given() ? std::optional(number<Number>(lowest, highest)) : std::nullopt;
    }
    // One of the table's names; `what` says what they are in the message when the table is long. nullptr when missing.
    const NamedNumber *one_of(std::span<const NamedNumber> table, std::string_view what) const;

    // The items of an array or members of an object; none when missing. More than `most` items are refused.
    Children items(std::size_t most = 1UL << 16) const;
    Children members() const;

    // "PATH: want WANTED, have VALUE" or "PATH: PROBLEM".
    void refuse(const std::string &wanted) const;
    void fail(const std::string &problem) const;
    // "PATH: TEXT" for the document's warnings.
    void warn(const std::string &text) const;

  private:
    static constexpr JsonTree::Place kMissing = ~JsonTree::Place{0};

    JsonCursor(JsonDocument &document, JsonTree::Place place, JsonTree::Place parent, std::string_view member)
        : document_(&document), place_(place), parent_(parent), member_(member) {}
    const JsonTree::Node &node() const { return document_->tree().node(place_); }
    std::int64_t signed_number(std::int64_t lowest, std::int64_t highest, std::int64_t otherwise) const;
    std::uint64_t unsigned_number(std::uint64_t lowest, std::uint64_t highest, std::uint64_t otherwise) const;

    JsonDocument *document_;
    JsonTree::Place place_;
    JsonTree::Place parent_;  // of a missing value: what it is missing in; kMissing when that is missing, too
    std::string_view member_; // of a missing value: its name
};

class JsonCursor::Children {
  public:
    class Iterator {
      public:
        Iterator(JsonDocument *document, JsonTree::Place place) : document_(document), place_(place) {}
        JsonCursor operator*() const { return {*document_, place_, JsonTree::kRoot, {}}; }
        Iterator &operator++() {
            place_ = document_->tree().node(place_).next;
            return *this;
        }
        bool operator!=(const Iterator &other) const { return place_ != other.place_; }

      private:
        JsonDocument *document_;
        JsonTree::Place place_;
    };

    Children(JsonDocument *document, JsonTree::Place first, JsonTree::Place last, std::size_t size)
        : document_(document), first_(first), last_(last), size_(size) {}
    Iterator begin() const { return {document_, first_}; }
    Iterator end() const { return {document_, last_}; }
    std::size_t size() const { return size_; }

  private:
    JsonDocument *document_;
    JsonTree::Place first_;
    JsonTree::Place last_;
    std::size_t size_;
};

} // namespace ballast
