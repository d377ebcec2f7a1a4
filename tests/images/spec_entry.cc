// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <charconv>

#include "tests/images/spec.h"
#include "tests/images/tree.h"

namespace ballast::images {
namespace {

constexpr long long kLargestFile = 1LL << 30;
constexpr std::array<const char *, 8> kKinds{"file", "directory", "symlink", "hardlink",
                                             "fifo", "whiteout",  "opaque",  "applets"};

Result<std::string> relative_path(const YamlNode &node, std::string_view key) {
    const std::string path = TRY(node.string(key));
    std::string_view rest = path;
    while (true) {
        const size_t slash = rest.find('/');
        const std::string_view part = rest.substr(0, slash);
        if (part.empty() || part == "." || part == "..") {
            return fail(EINVAL, node.where() + ": " + std::string(key) + ": \"" + path +
                                    "\" is not a plain relative path such as etc/passwd");
        }
        if (slash == std::string_view::npos) {
            return path;
        }
        rest.remove_prefix(slash + 1);
    }
}

template <typename Number>
bool parse_number(std::string_view text, Number &number, int base) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
    return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

Status read_mode(const YamlNode &node, Entry &entry) {
    if (!node.has("mode")) {
        return {};
    }
    const std::string text = TRY(node.string("mode"));
    unsigned mode = 0;
    if (!parse_number(text, mode, 8) || mode > 07777) {
        return fail(EINVAL, node.where() + ": mode: \"" + text + "\" is not an octal mode from 0 to 7777");
    }
    entry.mode = mode;
    return {};
}

Status read_owner(const YamlNode &node, Entry &entry) {
    if (!node.has("owner")) {
        return {};
    }
    const std::string text = TRY(node.string("owner"));
    const size_t colon = text.find(':');
    if (colon == std::string::npos || !parse_number(std::string_view(text).substr(0, colon), entry.user, 10) ||
        !parse_number(std::string_view(text).substr(colon + 1), entry.group, 10)) {
        return fail(EINVAL, node.where() + ": owner: \"" + text + "\" is not UID:GID in numbers");
    }
    return {};
}

// As setfattr(1) takes values: hexadecimal after 0x, anything else as it stands.
Result<std::string> attribute_value(const YamlNode &node) {
    const std::string text = TRY(node.as_string());
    if (!text.starts_with("0x")) {
        return text;
    }
    std::string bytes;
    for (size_t at = 2; at < text.size(); at += 2) {
        unsigned byte = 0;
        const std::string_view digits = std::string_view(text).substr(at, 2);
        if (digits.size() != 2 || !parse_number(digits, byte, 16)) {
            return fail(EINVAL, node.where() + ": \"" + text + "\" is not 0x and pairs of hexadecimal digits");
        }
        bytes.push_back(static_cast<char>(byte));
    }
    return bytes;
}

Status read_attributes(const YamlNode &node, Entry &entry) {
    if (!node.has("xattrs")) {
        return {};
    }
    const YamlNode attributes = TRY(node.at("xattrs"));
    for (const auto &[name, value] : TRY(attributes.members())) {
        entry.attributes[name] = TRY(attribute_value(value));
    }
    return {};
}

Result<Text> read_text(const YamlNode &node) {
    Text text;
    text.content = TRY(node.string_or("content", ""));
    text.size = static_cast<std::uint64_t>(TRY(node.integer_or("size", 0, 0, kLargestFile)));
    text.tail = TRY(node.string_or("tail", ""));
    if (text.size != 0 && text.size < text.content.size() + text.tail.size()) {
        return fail(EINVAL, node.where() + ": size: smaller than content and tail together");
    }
    if (text.size == 0 && !text.tail.empty()) {
        return fail(EINVAL, node.where() + ": tail: needs a size");
    }
    return text;
}

Status read_file_origin(const YamlNode &node, EntrySpec &spec) {
    const bool text = node.has("content") || node.has("size") || node.has("tail");
    if (text + node.has("package") + node.has("program") + node.has("source") != 1) {
        return fail(EINVAL, node.where() +
                                ": a file needs exactly one of content (with size, tail), package, program and source");
    }
    if (node.has("package")) {
        spec.origin = FromPackage{TRY(node.string("package")), TRY(relative_path(node, "member"))};
    } else if (node.has("program")) {
        spec.origin = FromProgram{TRY(relative_path(node, "program"))};
    } else if (node.has("source")) {
        spec.origin = FromSource{TRY(relative_path(node, "source"))};
    } else {
        spec.origin = TRY(read_text(node));
    }
    if (node.has("member") && !node.has("package")) {
        return fail(EINVAL, node.where() + ": member: needs a package");
    }
    return {};
}

Result<std::string> kind_of(const YamlNode &node) {
    std::string found;
    std::string known;
    for (const char *kind : kKinds) {
        known += std::string(known.empty() ? "" : ", ") + kind;
        if (node.has(kind)) {
            if (!found.empty()) {
                return fail(EINVAL, node.where() + ": both " + found + " and " + kind + " in one entry");
            }
            found = kind;
        }
    }
    if (found.empty()) {
        return fail(EINVAL, node.where() + ": an entry needs one of " + known);
    }
    return found;
}

Status read_metadata(const YamlNode &node, Entry &entry) {
    TRY(read_mode(node, entry));
    TRY(read_owner(node, entry));
    return read_attributes(node, entry);
}

Status read_marker(const YamlNode &node, const std::string &kind, Entry &entry) {
    TRY(node.allow_only({kind}));
    const std::string parent = parent_of(entry.path);
    if (kind == "opaque") {
        entry.path += "/" + std::string(kOpaqueMarker);
    } else {
        const std::string name = entry.path.substr(parent.empty() ? 0 : parent.size() + 1);
        entry.path = (parent.empty() ? "" : parent + "/") + std::string(kWhiteoutPrefix) + name;
    }
    return {};
}

} // namespace

Result<EntrySpec> parse_entry(const YamlNode &node) {
    const std::string kind = TRY(kind_of(node));
    EntrySpec spec;
    spec.where = node.where();
    spec.entry.path = TRY(relative_path(node, kind));
    if (kind == "whiteout" || kind == "opaque") {
        TRY(read_marker(node, kind, spec.entry));
        return spec;
    }
    if (kind == "applets") {
        TRY(node.allow_only({"applets", "busybox"}));
        spec.origin = Applets{TRY(relative_path(node, "busybox"))};
        return spec;
    }
    if (kind == "hardlink") {
        TRY(node.allow_only({"hardlink", "target"}));
        spec.entry.kind = Kind::kHardLink;
        spec.entry.target = TRY(relative_path(node, "target"));
        return spec;
    }
    if (kind == "symlink") {
        TRY(node.allow_only({"symlink", "target", "owner"}));
        spec.entry.kind = Kind::kSymlink;
        spec.entry.target = TRY(node.string("target"));
        spec.entry.mode = 0777;
        TRY(read_owner(node, spec.entry));
        return spec;
    }
    if (kind == "file") {
        TRY(node.allow_only(
            {"file", "content", "size", "tail", "package", "member", "program", "source", "mode", "owner", "xattrs"}));
        TRY(read_file_origin(node, spec));
    } else {
        TRY(node.allow_only({kind, "mode", "owner", "xattrs"}));
        spec.entry.kind = kind == "directory" ? Kind::kDirectory : Kind::kFifo;
        spec.entry.mode = kind == "directory" ? 0755 : 0644;
    }
    TRY(read_metadata(node, spec.entry));
    return spec;
}

} // namespace ballast::images
