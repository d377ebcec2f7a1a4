// SPDX-License-Identifier: Apache-2.0
#include "agent/pods/pull_secrets.h"

#include <algorithm>
#include <fnmatch.h>
#include <functional>
#include <nlohmann/json.hpp>

#include "base/base64.h"

namespace ballast::agent {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kDefaultHost = "docker.io";
constexpr std::string_view kDefaultPlace = "index.docker.io"; // as docker's own files call it

struct Place {
    std::string host = {}, port = {}, path = {}; // "/a/b", or nothing
};

Place place_of(const std::string &text) {
    const std::size_t slash = text.find('/');
    const std::string authority = text.substr(0, slash);
    std::string path = slash == std::string::npos ? "" : text.substr(slash);
    while (path.ends_with('/')) {
        path.pop_back();
    }
    const std::size_t colon = authority.rfind(':');
    const bool has_port = colon != std::string::npos && !authority.ends_with(']');
    return {.host = authority.substr(0, has_port ? colon : std::string::npos),
            .port = has_port ? authority.substr(colon + 1) : "",
            .path = std::move(path)};
}

// As it is written in secrets: with a scheme, and with the API's version behind the host.
std::string plain_place(std::string text) {
    for (const std::string_view scheme : {"https://", "http://"}) {
        if (text.starts_with(scheme)) {
            text.erase(0, scheme.size());
        }
    }
    const std::size_t slash = text.find('/');
    const std::string path = slash == std::string::npos ? "" : text.substr(slash);
    for (const std::string_view version : {"/v1/", "/v2/"}) {
        if (path.starts_with(version)) {
            return text.substr(0, slash) + path.substr(version.size() - 1);
        }
    }
    return text;
}

// "nginx:1" -> docker.io/library/nginx
Place repository_of(std::string image) {
    image = image.substr(0, image.find('@'));
    const std::size_t slash = image.rfind('/');
    image = image.substr(0, image.find(':', slash == std::string::npos ? 0 : slash));
    const std::string first = image.substr(0, image.find('/'));
    const bool names_host = image.contains('/') && (first.find_first_of(".:") != std::string::npos ||
                                                    first == "localhost" || first.starts_with('['));
    if (!names_host) {
        image = std::string(kDefaultHost) + "/" + (image.contains('/') ? "" : "library/") + image;
    }
    return place_of(image);
}

std::vector<std::string> labels_of(const std::string &host) {
    std::vector<std::string> labels = {""};
    for (const char c : host) {
        if (c == '.') {
            labels.emplace_back();
        } else {
            labels.back() += c;
        }
    }
    return labels;
}

bool is_below(const std::string &path, const std::string &above) {
    return path.starts_with(above) && (path.size() == above.size() || above.empty() || path[above.size()] == '/');
}

bool is_in(const Place &repository, const Place &place) {
    const std::vector<std::string> labels = labels_of(repository.host), patterns = labels_of(place.host);
    return repository.port == place.port && is_below(repository.path, place.path) &&
           std::ranges::equal(patterns, labels, [](const std::string &pattern, const std::string &label) {
               return pattern == label || fnmatch(pattern.c_str(), label.c_str(), 0) == 0; // "[::1]" is no pattern
           });
}

std::string text_in(const Json &object, const char *name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

Result<PullCredentials> read_entry(const std::string &place, const Json &entry) {
    const auto refused = [&](const char *why) { return fail(EINVAL, "the entry " + place + " " + why); };
    if (!entry.is_object()) {
        return refused("is no object");
    }
    PullCredentials credentials{.user = text_in(entry, "username"),
                                .password = text_in(entry, "password"),
                                .identity_token = text_in(entry, "identitytoken"),
                                .registry_token = text_in(entry, "registrytoken")};
    if (const std::string auth = text_in(entry, "auth"); !auth.empty()) {
        const Result<std::string> pair = base64_decoded(auth);
        const std::size_t colon = pair.has_value() ? pair->find(':') : std::string::npos;
        if (colon == std::string::npos) {
            return refused("has an \"auth\" that is no base64 of \"user:password\"");
        }
        credentials.user = pair->substr(0, colon);
        credentials.password = pair->substr(colon + 1);
    }
    return credentials;
}

} // namespace

Result<std::vector<RegistryCredentials>> read_pull_secret(const TextMap &members) {
    std::vector<RegistryCredentials> known;
    for (const char *name : {".dockerconfigjson", ".dockercfg"}) {
        const auto member = members.find(name);
        if (member == members.end()) {
            continue;
        }
        Json document = Json::parse(member->second, nullptr, false);
        if (document.is_object() && name == std::string_view(".dockerconfigjson")) {
            document = document.value("auths", Json::object());
        }
        if (!document.is_object()) {
            return fail(EINVAL, std::string("its member ") + name + " is no configuration of docker's");
        }
        for (const auto &[place, entry] : document.items()) {
            known.push_back({.place = plain_place(place), .credentials = TRY(read_entry(place, entry))});
        }
        return known;
    }
    return known;
}

std::vector<PullCredentials> credentials_for(const std::string &image, const std::vector<RegistryCredentials> &known) {
    const Place repository = repository_of(image);
    std::vector<const RegistryCredentials *> fitting, general;
    for (const RegistryCredentials &entry : known) {
        if (is_in(repository, place_of(entry.place))) {
            fitting.push_back(&entry);
        } else if (repository.host == kDefaultHost && place_of(entry.place).host == kDefaultPlace) {
            general.push_back(&entry);
        }
    }
    std::ranges::stable_sort(fitting, std::greater(), &RegistryCredentials::place);
    std::vector<PullCredentials> credentials;
    for (const RegistryCredentials *entry : fitting.empty() ? general : fitting) {
        if (!std::ranges::contains(credentials, entry->credentials)) {
            credentials.push_back(entry->credentials);
        }
    }
    return credentials;
}

} // namespace ballast::agent
