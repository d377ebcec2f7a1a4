// SPDX-License-Identifier: Apache-2.0
#include "runtime/cni/cache.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "base/base64.h"
#include "base/file_io.h"
#include "base/json/json_cursor.h"

namespace ballast::cni {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

constexpr const char *kKind = "cniCacheV1";
constexpr mode_t kPrivate = 0600;
constexpr mode_t kPrivateDirectory = 0700;

// Part of a document as a text of its own.
std::string part(const Json &json, const char *name) {
    const auto found = json.find(name);
    return found == json.end() || found->is_null() ? "" : found->dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<CacheEntry> parse_entry(const std::string &text, const std::string &name) {
    JsonDocument document = TRY(JsonDocument::parse(text, name));
    const JsonCursor root(document);
    CacheEntry entry;
    if (root.need("kind").view() != kKind) {
        root.at("kind").refuse(kKind);
    }
    entry.attachment.container = root.need("containerId").text();
    entry.attachment.interface = root.need("ifName").text();
    entry.attachment.network_namespace = root.at("netns").text();
    for (const JsonCursor argument : root.at("cniArgs").items()) {
        const std::vector<std::string> words = argument.given() ? [&] {
            std::vector<std::string> both;
            for (const JsonCursor word : argument.items(2)) {
                both.push_back(word.text());
            }
            return both;
        }()
                                                                : std::vector<std::string>();
        if (words.size() != 2) {
            argument.refuse("a name and a value");
            break;
        }
        entry.attachment.arguments.emplace_back(words[0], words[1]);
    }
    const std::string configuration(root.need("config").view());
    TRY(document.status());
    const std::string decoded = TRY(base64_decoded(configuration).within(name + ": config"));
    entry.configuration = TRY(parse_configuration(decoded, name + ": config"));
    TRY(check_attachment(entry.attachment).within(name));
    const Json json = Json::parse(text, nullptr, false);
    entry.wishes = part(json, "capabilityArgs");
    entry.result = part(json, "result");
    if (!entry.result.empty()) {
        TRY(parse_attached(entry.result, name + ": result"));
    }
    return entry;
}

} // namespace

fs::path Cache::file_of(const CacheEntry &entry) const {
    return directory_ /
           (entry.configuration.name + "-" + entry.attachment.container + "-" + entry.attachment.interface);
}

Status Cache::write(const CacheEntry &entry) const {
    Json arguments = Json::array();
    for (const auto &[name, value] : entry.attachment.arguments) {
        arguments.push_back({name, value});
    }
    Json json = {{"kind", kKind},
                 {"containerId", entry.attachment.container},
                 {"config", base64(entry.configuration.json)},
                 {"ifName", entry.attachment.interface},
                 {"networkName", entry.configuration.name},
                 {"netns", entry.attachment.network_namespace.string()},
                 {"cniArgs", std::move(arguments)},
                 {"capabilityArgs", Json::parse(entry.wishes, nullptr, false)}};
    if (!entry.result.empty()) {
        json["result"] = Json::parse(entry.result, nullptr, false);
    }
    TRY(make_directories(directory_, kPrivateDirectory));
    return replace_file(file_of(entry), json.dump(-1, ' ', false, Json::error_handler_t::replace), kPrivate);
}

Status Cache::remove(const CacheEntry &entry) const {
    if (unlink(file_of(entry).c_str()) != 0 && errno != ENOENT) {
        return fail_errno("remove " + file_of(entry).string());
    }
    return {};
}

Result<Cache::Read> Cache::read() const {
    std::vector<fs::path> files;
    std::error_code error;
    for (fs::directory_iterator entry(directory_, error), end; !error && entry != end; entry.increment(error)) {
        if (!entry->path().filename().string().starts_with('.')) { // what a power cut can leave
            files.push_back(entry->path());
        }
    }
    if (error && error != std::errc::no_such_file_or_directory) {
        return fail_errno(directory_.string(), error.value());
    }
    std::ranges::sort(files);
    Read read;
    for (const fs::path &file : files) {
        const Result<std::string> text = read_file(file);
        Result<CacheEntry> entry = text.has_value() ? parse_entry(*text, file.string()) : std::unexpected(text.error());
        if (entry.has_value()) {
            read.entries.push_back(std::move(*entry));
        } else {
            read.problems.push_back(entry.error().message);
        }
    }
    return read;
}

} // namespace ballast::cni
