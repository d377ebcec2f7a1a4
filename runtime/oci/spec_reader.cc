// SPDX-License-Identifier: Apache-2.0
#include "runtime/oci/spec_reader.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/file_io.h"
#include "runtime/oci/spec_names.h"
#include "runtime/oci/spec_parts.h"

namespace ballast::oci {
namespace {

constexpr std::size_t kLongestHostName = 64; // sethostname(2)

bool is_identifier_list(std::string_view text) { // semver.org: identifiers with dots between them
    while (true) {
        std::size_t dot = text.find('.');
        std::string_view identifier = text.substr(0, dot);
        bool valid = !identifier.empty() && std::ranges::all_of(identifier, [](char c) {
            return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
        });
        if (!valid || dot == std::string_view::npos) {
            return valid;
        }
        text.remove_prefix(dot + 1);
    }
}

struct Version {
    unsigned major = 0, minor = 0, patch = 0;
};

std::optional<Version> semantic_version(std::string_view text) {
    Version version;
    unsigned *parts[] = {&version.major, &version.minor, &version.patch};
    for (std::size_t part = 0; part < std::size(parts); part++) {
        if (part > 0) {
            if (!text.starts_with('.')) {
                return std::nullopt;
            }
            text.remove_prefix(1);
        }
        auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), *parts[part]);
        auto digits = static_cast<std::size_t>(end - text.data());
        if (problem != std::errc() || (text[0] == '0' && digits > 1)) {
            return std::nullopt;
        }
        text.remove_prefix(digits);
    }
    if (std::size_t plus = text.find('+'); plus != std::string_view::npos) {
        if (!is_identifier_list(text.substr(plus + 1))) {
            return std::nullopt;
        }
        text = text.substr(0, plus);
    }
    bool released = text.empty();
    return released || (text[0] == '-' && is_identifier_list(text.substr(1))) ? std::optional(version) : std::nullopt;
}

std::string read_version(const JsonCursor &from) {
    std::string text = from.text();
    std::optional<Version> version = semantic_version(text);
    if (!version) {
        from.refuse("a version as \"" + std::string(kNewestSpecVersion) + "\"");
    } else if (version->major != 1) {
        from.refuse("version 1 of the specification");
    } else if (version->minor > kSpecMinor) {
        from.warn("newer than " + std::string(kNewestSpecVersion) + ": what is new in it is ignored");
    }
    return text;
}

Root read_root(const JsonCursor &from) {
    Root root;
    JsonCursor path = from.need("path");
    root.path = path.text();
    if (path.given() && root.path.empty()) {
        path.refuse("a path");
    }
    root.read_only = from.at("readonly").boolean();
    return root;
}

std::string read_host_name(const JsonCursor &from, const Linux &linux_part) {
    std::string name = from.text();
    if (name.size() > kLongestHostName) {
        from.refuse("at most " + std::to_string(kLongestHostName) + " bytes");
    }
    if (!name.empty() && !has_namespace(linux_part, NamespaceType::kUts)) {
        from.fail("needs a uts namespace of the container's");
    }
    return name;
}

Mount read_mount(const JsonCursor &from, const Linux &linux_part) {
    Mount mount;
    JsonCursor destination = from.need("destination");
    mount.destination = destination.text();
    if (destination.given() && mount.destination.empty()) {
        destination.refuse("a path");
    }
    if (!mount.destination.starts_with('/')) {
        destination.warn("relative paths are deprecated, taking it from the root");
        mount.destination.insert(0, "/");
    }
    mount.source = from.at("source").text();
    mount.type = from.at("type").text();
    mount.options = from.at("options").texts();
    mount.uid_mappings = read_id_mappings(from.at("uidMappings"));
    mount.gid_mappings = read_id_mappings(from.at("gidMappings"));
    if (mount.uid_mappings.empty() != mount.gid_mappings.empty()) {
        from.at(mount.uid_mappings.empty() ? "uidMappings" : "gidMappings")
            .fail("want mappings of users and of groups, or neither");
    }
    bool mapped = std::ranges::contains(mount.options, "idmap") || std::ranges::contains(mount.options, "ridmap");
    if (mapped && mount.uid_mappings.empty() && !has_namespace(linux_part, NamespaceType::kUser)) {
        from.at("options").fail("idmap needs mappings, or a user namespace that has some");
    }
    return mount;
}

std::vector<Hook> read_hooks(const JsonCursor &from) {
    std::vector<Hook> hooks;
    for (JsonCursor item : from.items(kMostPlanned)) {
        Hook hook;
        hook.path = item.need("path").absolute_path();
        hook.args = item.at("args").texts();
        hook.env = item.at("env").texts();
        hook.timeout = item.at("timeout").optional_number<int>(1);
        hooks.push_back(std::move(hook));
    }
    return hooks;
}

Hooks read_all_hooks(const JsonCursor &from) {
    return {.prestart = read_hooks(from.at("prestart")),
            .create_runtime = read_hooks(from.at("createRuntime")),
            .create_container = read_hooks(from.at("createContainer")),
            .start_container = read_hooks(from.at("startContainer")),
            .poststart = read_hooks(from.at("poststart")),
            .poststop = read_hooks(from.at("poststop"))};
}

std::map<std::string, std::string> read_annotations(const JsonCursor &from) {
    std::map<std::string, std::string> annotations;
    for (JsonCursor item : from.members()) {
        if (item.name().empty()) {
            item.fail("want a name that is not empty");
        }
        if (!annotations.emplace(item.name(), item.text()).second) {
            item.fail("stands here twice");
        }
    }
    return annotations;
}

void pass_on(std::vector<std::string> *warnings, JsonDocument &document) {
    if (warnings != nullptr) {
        *warnings = document.take_warnings();
    }
}

// A document that is one part of a config.json.
template <typename Part>
Result<Part> parse_part(std::string_view json, const std::string &name, std::vector<std::string> *warnings,
                        void (*read)(const JsonCursor &, Part &)) {
    JsonDocument document = TRY(JsonDocument::parse(json, name));
    Part part;
    read(JsonCursor(document), part);
    TRY(document.status());
    pass_on(warnings, document);
    return part;
}

} // namespace

Result<Spec> parse_spec(std::string_view json, const std::string &name) {
    JsonDocument document = TRY(JsonDocument::parse(json, name));
    JsonCursor from(document);
    Spec spec;
    spec.version = read_version(from.need("ociVersion"));
    spec.root = read_root(from.need("root"));
    spec.domainname = from.at("domainname").text();
    read_linux(from.at("linux"), spec.linux_);
    read_sysctls(from.at("linux").at("sysctl"), spec.domainname, spec.linux_);
    spec.hostname = read_host_name(from.at("hostname"), spec.linux_);
    (void)read_host_name(from.at("domainname"), spec.linux_);
    if (JsonCursor process = from.at("process"); process.given()) {
        read_process(process, spec.process.emplace());
    }
    JsonCursor::Children mounts = from.at("mounts").items(kMostPlanned);
    spec.mounts.reserve(mounts.size());
    for (JsonCursor item : mounts) {
        spec.mounts.push_back(read_mount(item, spec.linux_));
    }
    spec.hooks = read_all_hooks(from.at("hooks"));
    spec.annotations = read_annotations(from.at("annotations"));
    TRY(document.status());
    spec.warnings = document.take_warnings();
    return spec;
}

Result<Spec> read_spec(const std::filesystem::path &bundle) {
    std::filesystem::path file = bundle / "config.json";
    return parse_spec(TRY(read_file(file, kLargestJson)), file.string());
}

Result<Process> parse_process(std::string_view json, const std::string &name, std::vector<std::string> *warnings) {
    return parse_part(json, name, warnings, read_process);
}

Result<Resources> parse_resources(std::string_view json, const std::string &name, std::vector<std::string> *warnings) {
    return parse_part(json, name, warnings, read_resources);
}

} // namespace ballast::oci
