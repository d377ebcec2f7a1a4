// SPDX-License-Identifier: Apache-2.0
#include "image-build/release/history.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <regex>

#include "base/file_io.h"
#include "base/json/json_cursor.h"
#include "base/quote.h"

namespace ballast::image_build::release {
namespace {

constexpr const char *kFile = "history.json";

bool is_version(const std::string &text) {
    static const std::regex grammar("[0-9][A-Za-z0-9.+-]*");
    return std::regex_match(text, grammar);
}

} // namespace

Result<std::filesystem::path> release_directory(const std::filesystem::path &repository, const std::string &ref) {
    static const std::regex grammar("[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*");
    if (!std::regex_match(ref, grammar)) {
        return fail(EINVAL,
                    quote(ref) + " is no ref: want words of letters, digits, '.', '_' and '-' with '/' between");
    }
    return repository / "releases" / ref;
}

Result<History> History::parse(std::string_view text, const std::string &name) {
    JsonDocument document = TRY(JsonDocument::parse(text, name));
    History history;
    for (const JsonCursor item : JsonCursor(document).need("versions").items()) {
        history.versions_.push_back({.version = item.need("version").text(),
                                     .commit = item.need("commit").text(),
                                     .published = item.need("published").number<std::int64_t>(0)});
        if (!is_version(history.versions_.back().version)) {
            item.fail("not a version: " + quote(history.versions_.back().version));
        }
    }
    TRY(document.status());
    return history;
}

Result<History> History::load(const std::filesystem::path &repository, const std::string &ref) {
    const std::filesystem::path file = TRY(release_directory(repository, ref)) / kFile;
    const Result<std::string> text = read_file(file);
    if (!text.has_value() && text.error().code == ENOENT) {
        return History();
    }
    return parse(TRY(text), file.string());
}

std::string History::text(const std::string &ref) const {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const Version &version : versions_) {
        list.push_back({{"version", version.version}, {"commit", version.commit}, {"published", version.published}});
    }
    return nlohmann::ordered_json{{"ref", ref}, {"versions", std::move(list)}}.dump(1) + "\n";
}

Status History::save(const std::filesystem::path &repository, const std::string &ref) const {
    const std::filesystem::path directory = TRY(release_directory(repository, ref));
    TRY(make_directories(directory));
    return replace_file(directory / kFile, text(ref));
}

const Version *History::find(std::string_view version) const {
    const auto found = std::ranges::find(versions_, version, &Version::version);
    return found == versions_.end() ? nullptr : &*found;
}

Status History::add(const Version &version) {
    if (!is_version(version.version)) {
        return fail(EINVAL, quote(version.version) + " is not a version");
    }
    if (const Version *same = find(version.version); same != nullptr) {
        return same->commit == version.commit
                   ? Status()
                   : fail(EEXIST, "version " + version.version + " is published already, as commit " + same->commit +
                                      ": every commit needs a version of its own");
    }
    versions_.insert(versions_.begin(), version);
    return {};
}

std::vector<Version> History::drop_beyond(std::size_t keep) {
    std::vector<Version> dropped;
    if (versions_.size() > keep) {
        dropped.assign(versions_.begin() + static_cast<std::ptrdiff_t>(keep), versions_.end());
        versions_.resize(keep);
    }
    return dropped;
}

} // namespace ballast::image_build::release
