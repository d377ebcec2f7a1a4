// SPDX-License-Identifier: Apache-2.0
#include "base/yaml.h"

#include <algorithm>
#include <charconv>
#include <format>
#include <optional>
#include <sstream>
#include <yaml-cpp/anchor.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "base/file_io.h"

namespace ballast {

struct YamlNode::Data {
    enum class Kind { kNothing, kPlain, kQuoted, kSequence, kMapping };
    using Pointer = std::shared_ptr<const Data>;

    std::shared_ptr<const std::string> file;
    int line = 1;
    int column = 1;
    std::string path; // "variants.cloud.packages[3]"; empty for the document
    Kind kind = Kind::kNothing;
    std::string text;
    struct Member {
        std::string key; // empty in a sequence
        std::string key_where;
        Pointer value;
    };
    std::vector<Member> members;

    // Hidden from callers, who have YamlNode::where().
    std::string where() const { return std::format("{}:{}:{}", *file, line, column); }
    std::string name() const { return path.empty() ? "the document" : std::format("\"{}\"", path); }
    std::string_view kind_name() const {
        switch (kind) {
        case Kind::kNothing:
            return "nothing";
        case Kind::kPlain:
        case Kind::kQuoted:
            return "a single value";
        case Kind::kSequence:
            return "a list";
        case Kind::kMapping:
            return "a mapping";
        }
        return "";
    }
    std::unexpected<Error> wrong(const std::string &what) const { return fail(EINVAL, where() + ": " + what); }
    std::unexpected<Error> must_be(std::string_view expected) const {
        if (kind == Kind::kNothing) {
            return wrong(std::format("{} has no value; it must be {}", name(), expected));
        }
        bool scalar = kind == Kind::kPlain || kind == Kind::kQuoted;
        std::string found = scalar ? std::format("\"{}\"", text) : std::string(kind_name());
        return wrong(std::format("{} must be {}, not {}", name(), expected, found));
    }
    Pointer find(std::string_view key) const {
        auto found = std::ranges::find(members, key, &Member::key);
        return kind == Kind::kMapping && found != members.end() ? found->value : nullptr;
    }

    bool write_json(std::string &out, std::size_t largest) const; // false: too long

    class Builder;
};

namespace {

std::string json_text(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += {'\\', c};
        } else if (static_cast<unsigned char>(c) < ' ') {
            out += std::format("\\u{:04x}", static_cast<unsigned>(c));
        } else {
            out += c;
        }
    }
    return out + '"';
}

// A number's spelling in JSON; nothing when the text is none.
std::optional<std::string> json_number(std::string_view text) {
    const std::string_view digits = text.substr(text.starts_with('-') ? 1 : 0);
    if (digits.empty() || digits.front() < '0' || digits.front() > '9') {
        return std::nullopt;
    }
    if (digits.size() > 1 && digits.front() == '0' && digits.find_first_not_of("01234567") == digits.npos) {
        unsigned long long octal = 0;
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), octal, 8);
        return error == std::errc() ? std::optional((digits.size() < text.size() ? "-" : "") + std::to_string(octal))
                                    : std::nullopt;
    }
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool leading_zero = digits.size() > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9';
    const bool ends_well =
        digits.back() >= '0' && digits.back() <= '9' && !digits.contains(".e") && !digits.contains(".E");
    const bool whole = error == std::errc() && end == text.data() + text.size() && !leading_zero && ends_well;
    return whole ? std::optional(std::string(text)) : std::nullopt;
}

} // namespace

// NOLINTNEXTLINE(misc-no-recursion): as deep as the parser, which has its own limit
bool YamlNode::Data::write_json(std::string &out, std::size_t largest) const {
    if (kind == Kind::kNothing) {
        out += "null";
    } else if (kind == Kind::kQuoted) {
        out += json_text(text);
    } else if (kind == Kind::kPlain) {
        out += text == "true" || text == "false" ? text : json_number(text).value_or(json_text(text));
    }
    if (kind != Kind::kSequence && kind != Kind::kMapping) {
        return out.size() <= largest;
    }
    std::vector<const Member *> sorted;
    for (const Member &member : members) {
        sorted.push_back(&member);
    }
    std::ranges::stable_sort(sorted, {}, [](const Member *member) { return std::string_view(member->key); });
    out += kind == Kind::kMapping ? '{' : '[';
    for (const Member *member : sorted) {
        out += member == sorted.front() ? "" : ",";
        out += kind == Kind::kMapping ? json_text(member->key) + ":" : "";
        if (!member->value->write_json(out, largest)) {
            return false;
        }
    }
    out += kind == Kind::kMapping ? '}' : ']';
    return out.size() <= largest;
}

// Makes the tree from the parser's events: unlike yaml-cpp's own nodes these tell quoted scalars from plain ones, and
// duplicate keys before one of them is lost. The exception leaves through yaml-cpp, never this file.
class YamlNode::Data::Builder : public YAML::EventHandler {
  public:
    struct Stop {
        Error error;
    };

    explicit Builder(std::shared_ptr<const std::string> file) : file_(std::move(file)) {}
    std::shared_ptr<Data> take() {
        if (document_ == nullptr) {
            document_ = std::make_shared<Data>();
            document_->file = file_;
        }
        return document_;
    }

    void OnDocumentStart(const YAML::Mark &mark) override {
        if (document_ != nullptr) {
            stop(mark, "a second document starts here; one file holds one document");
        }
    }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark &mark, YAML::anchor_t anchor) override { add(mark, anchor, Kind::kNothing, ""); }
    void OnScalar(const YAML::Mark &mark, const std::string &tag, YAML::anchor_t anchor,
                  const std::string &value) override {
        // yaml-cpp's tags: "?" for a plain scalar, "!" for a quoted or block one.
        bool plain = tag == "?" || tag.empty();
        bool null = plain && (value.empty() || value == "~" || value == "null" || value == "Null" || value == "NULL");
        add(mark, anchor, null ? Kind::kNothing : plain ? Kind::kPlain : Kind::kQuoted, value);
    }
    void OnSequenceStart(const YAML::Mark &mark, const std::string & /*tag*/, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value /*style*/) override {
        open(add(mark, anchor, Kind::kSequence, ""));
    }
    void OnMapStart(const YAML::Mark &mark, const std::string & /*tag*/, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value /*style*/) override {
        open(add(mark, anchor, Kind::kMapping, ""));
    }
    void OnSequenceEnd() override { open_.pop_back(); }
    void OnMapEnd() override { open_.pop_back(); }
    void OnAlias(const YAML::Mark &mark, YAML::anchor_t anchor) override {
        auto target = anchors_.find(anchor);
        bool inside_itself = target != anchors_.end() &&
                             std::ranges::any_of(open_, [&](const Open &open) { return open.data == target->second; });
        if (target == anchors_.end() || inside_itself) {
            stop(mark, "an alias to a value that is not complete here");
        }
        if (wants_key()) {
            stop(mark, "an alias cannot be a key");
        }
        attach(target->second);
    }

  private:
    struct Open {
        std::shared_ptr<Data> data;
        std::optional<std::string> key; // read, its value comes next
        YAML::Mark key_mark;
    };

    [[noreturn]] void stop(const YAML::Mark &mark, const std::string &what) const {
        throw Stop{Error{EINVAL, at(mark) + ": " + what}};
    }
    std::string at(const YAML::Mark &mark) const {
        return std::format("{}:{}:{}", *file_, mark.line + 1, mark.column + 1);
    }
    bool wants_key() const {
        return !open_.empty() && open_.back().data->kind == Kind::kMapping && !open_.back().key.has_value();
    }
    void open(const std::shared_ptr<Data> &data) { open_.push_back({data, std::nullopt, {}}); }

    // Null for a key: that is text, not a node.
    std::shared_ptr<Data> add(const YAML::Mark &mark, YAML::anchor_t anchor, Kind kind, const std::string &text) {
        if (wants_key()) {
            if (kind != Kind::kPlain && kind != Kind::kQuoted) {
                stop(mark, "a key must be a single value");
            }
            if (open_.back().data->find(text) != nullptr) {
                stop(mark, std::format("duplicate key \"{}\"", text));
            }
            open_.back().key = text;
            open_.back().key_mark = mark;
            return nullptr;
        }
        auto data = std::make_shared<Data>();
        data->file = file_;
        // The parser stands at the next token when it finds that a value is missing.
        bool missing = kind == Kind::kNothing && !open_.empty() && open_.back().key.has_value();
        data->line = (missing ? open_.back().key_mark : mark).line + 1;
        data->column = (missing ? open_.back().key_mark : mark).column + 1;
        data->path = next_path();
        data->kind = kind;
        data->text = text;
        if (anchor != YAML::NullAnchor) {
            anchors_[anchor] = data;
        }
        attach(data);
        return data;
    }

    std::string next_path() const {
        if (open_.empty()) {
            return "";
        }
        const Open &parent = open_.back();
        if (parent.data->kind == Kind::kSequence) {
            return std::format("{}[{}]", parent.data->path, parent.data->members.size());
        }
        return parent.data->path.empty() ? *parent.key : parent.data->path + "." + *parent.key;
    }

    void attach(const std::shared_ptr<Data> &data) {
        if (open_.empty()) {
            document_ = data;
            return;
        }
        Open &parent = open_.back();
        parent.data->members.push_back({parent.key.value_or(""), at(parent.key_mark), data});
        parent.key.reset();
    }

    std::shared_ptr<const std::string> file_;
    std::shared_ptr<Data> document_;
    std::vector<Open> open_;
    std::map<YAML::anchor_t, std::shared_ptr<Data>> anchors_;
};

Result<YamlNode> YamlNode::load(const std::filesystem::path &file) {
    return parse(TRY(read_file(file)), file.string());
}

Result<YamlNode> YamlNode::parse(const std::string &text, const std::string &name_in_messages) {
    auto file = std::make_shared<const std::string>(name_in_messages);
    Data::Builder builder(file);
    try {
        // yaml-cpp takes a quote that is still open behind the last line's end for a closed one; with a comment there
        // it says what is wrong.
        std::istringstream stream(text.ends_with('\n') ? text + "#" : text);
        YAML::Parser parser(stream);
        while (parser.HandleNextDocument(builder)) {
        }
    } catch (const Data::Builder::Stop &stop) {
        return std::unexpected(stop.error);
    } catch (const YAML::Exception &exception) {
        YAML::Mark mark = exception.mark.is_null() ? YAML::Mark() : exception.mark;
        return fail(EINVAL, std::format("{}:{}:{}: {}", *file, mark.line + 1, mark.column + 1, exception.msg));
    }
    return YamlNode(builder.take());
}

Status YamlNode::allow_only(std::initializer_list<std::string_view> known) const {
    if (data_->kind != Data::Kind::kMapping) {
        return data_->must_be("a mapping");
    }
    for (const auto &[key, key_where, value] : data_->members) {
        if (std::ranges::find(known, key) == known.end()) {
            std::string list;
            for (std::string_view name : known) {
                list += (list.empty() ? "" : ", ") + std::string(name);
            }
            return fail(EINVAL, std::format("{}: unknown key \"{}\"; known here: {}", key_where, key, list));
        }
    }
    return {};
}

bool YamlNode::has(std::string_view key) const { return data_->find(key) != nullptr; }

Result<YamlNode> YamlNode::at(std::string_view key) const {
    if (data_->kind != Data::Kind::kMapping) {
        return data_->must_be(std::format("a mapping with the key \"{}\"", key));
    }
    auto found = data_->find(key);
    if (found == nullptr) {
        return data_->wrong(std::format("key \"{}\" is missing in {}", key, data_->name()));
    }
    return YamlNode(found);
}

Result<std::string> YamlNode::string(std::string_view key) const { return TRY(at(key)).as_string(); }

Result<std::string> YamlNode::string_or(std::string_view key, std::string fallback) const {
    return has(key) ? string(key) : std::move(fallback);
}

Result<bool> YamlNode::boolean_or(std::string_view key, bool fallback) const {
    auto found = data_->find(key);
    if (found == nullptr) {
        return fallback;
    }
    bool yes = found->text == "true";
    if (found->kind != Data::Kind::kPlain || (!yes && found->text != "false")) {
        return found->must_be("true or false");
    }
    return yes;
}

Result<long long> YamlNode::integer_or(std::string_view key, long long fallback, long long least,
                                       long long most) const {
    auto found = data_->find(key);
    if (found == nullptr) {
        return fallback;
    }
    std::string expected = std::format("an integer from {} to {}", least, most);
    const std::string &text = found->text;
    long long value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    // A leading zero means octal to some readers of YAML and nothing to others.
    bool octal = text.size() > 1 && text[text[0] == '-' ? 1 : 0] == '0';
    bool whole = error == std::errc() && end == text.data() + text.size() && !octal;
    if (found->kind != Data::Kind::kPlain || !whole || value < least || value > most) {
        return found->must_be(expected);
    }
    return value;
}

Result<std::vector<std::string>> YamlNode::strings_or_empty(std::string_view key) const {
    std::vector<std::string> strings;
    if (!has(key)) {
        return strings;
    }
    for (const YamlNode &item : TRY(TRY(at(key)).items())) {
        strings.push_back(TRY(item.as_string()));
    }
    return strings;
}

Result<std::string> YamlNode::as_string() const {
    if (data_->kind != Data::Kind::kPlain && data_->kind != Data::Kind::kQuoted) {
        return data_->must_be("a string");
    }
    return data_->text;
}

Result<std::vector<YamlNode>> YamlNode::items() const {
    if (data_->kind != Data::Kind::kSequence) {
        return data_->must_be("a list");
    }
    std::vector<YamlNode> nodes;
    for (const Data::Member &member : data_->members) {
        nodes.push_back(YamlNode(member.value));
    }
    return nodes;
}

Result<std::vector<std::pair<std::string, YamlNode>>> YamlNode::members() const {
    if (data_->kind != Data::Kind::kMapping) {
        return data_->must_be("a mapping");
    }
    std::vector<std::pair<std::string, YamlNode>> nodes;
    for (const Data::Member &member : data_->members) {
        nodes.emplace_back(member.key, YamlNode(member.value));
    }
    return nodes;
}

Result<std::string> YamlNode::json(std::size_t largest) const {
    std::string out;
    if (!data_->write_json(out, largest)) {
        return fail(EFBIG, std::format("{}: over {} bytes with all its aliases", where(), largest));
    }
    return out;
}

std::string YamlNode::where() const { return data_->where(); }

} // namespace ballast
