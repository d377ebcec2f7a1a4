// SPDX-License-Identifier: Apache-2.0
#include "runtime/cni/plugin_call.h"

#include <unistd.h>

#include "base/json/json_cursor.h"
#include "base/quote.h"
#include "base/subprocess.h"

namespace ballast::cni {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostOutput = 1UL << 20;
constexpr std::size_t kMostSaid = 1024; // of a plugin's words in our messages
constexpr unsigned kTryAgainLater = 11; // the specification's section 5

std::string joined(const std::vector<fs::path> &directories, std::string_view between) {
    std::string text;
    for (const fs::path &directory : directories) {
        text += (text.empty() ? "" : std::string(between)) + directory.string();
    }
    return text;
}

std::string shown(std::string_view said) { return escaped(said.substr(0, kMostSaid)); }

// What a plugin that failed says: an object with "code", "msg" and "details", or nothing that we understand.
Error failure_of(const std::string &type, const Completed &completed) {
    if (Result<JsonDocument> document = JsonDocument::parse(completed.output, type); document.has_value()) {
        const JsonCursor root(*document);
        const unsigned code = root.at("code").number<unsigned>();
        const std::string_view message = root.at("msg").view();
        const std::string_view details = root.at("details").view();
        if (!document->failed() && !message.empty()) {
            return {code == kTryAgainLater ? EAGAIN : EIO,
                    type + ": " + shown(message) + (details.empty() ? "" : ": " + shown(details))};
        }
    }
    std::string_view said = completed.errors.empty() ? completed.output : completed.errors;
    while (said.ends_with('\n')) {
        said.remove_suffix(1);
    }
    return {EIO, type + ": exit status " + std::to_string(completed.status) + (said.empty() ? "" : ": " + shown(said))};
}

} // namespace

Result<fs::path> find_plugin(const PluginPlaces &places, const std::string &type) {
    for (const fs::path &directory : places.directories) {
        const fs::path path = directory / type;
        std::error_code error;
        if (fs::is_regular_file(path, error) && access(path.c_str(), X_OK) == 0) {
            return path;
        }
    }
    return fail(ENOENT, "no CNI plugin " + quote(type) + " in " + joined(places.directories, ", "));
}

Result<std::string> call_plugin(const PluginPlaces &places, const std::string &type,
                                std::map<std::string, std::string> variables, std::string input) {
    const fs::path path = TRY(find_plugin(places, type));
    variables["CNI_PATH"] = joined(places.directories, ":");
    Result<Completed> completed = run({.arguments = {path.string()},
                                       .environment = std::move(variables),
                                       .input = std::move(input),
                                       .timeout = places.patience,
                                       .most_output = kMostOutput});
    if (!completed.has_value()) {
        return std::unexpected(completed.error());
    }
    if (completed->status != 0) {
        return std::unexpected(failure_of(type, *completed));
    }
    return std::move(completed->output);
}

Result<std::vector<std::string>> versions_of(const PluginPlaces &places, const std::string &type) {
    const std::string output =
        TRY(call_plugin(places, type, {{"CNI_COMMAND", "VERSION"}}, R"({"cniVersion":"1.0.0"})"));
    Result<JsonDocument> document = JsonDocument::parse(output, type + ": VERSION");
    if (!document.has_value()) {
        return fail(EBADMSG, document.error().message);
    }
    std::vector<std::string> versions = JsonCursor(*document).at("supportedVersions").texts();
    if (const Status status = document->status(); !status.has_value()) {
        return fail(EBADMSG, status.error().message);
    }
    return versions;
}

} // namespace ballast::cni
