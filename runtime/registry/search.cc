// SPDX-License-Identifier: Apache-2.0
#include "runtime/registry/search.h"

#include <algorithm>

#include "base/json/json_cursor.h"
#include "base/quote.h"
#include "runtime/image/reference.h"
#include "runtime/registry/registry_error.h"
#include "runtime/registry/session.h"

namespace ballast::registry {
namespace {

constexpr unsigned kMostResults = 100;
constexpr std::size_t kMostText = 1000;
constexpr int kOk = 200;

// "host:5000/term" and "term".
std::pair<std::string, std::string> split_term(const std::string &term) {
    const std::size_t slash = term.find('/');
    const std::string first = term.substr(0, slash);
    if (slash == std::string::npos || (!first.contains('.') && !first.contains(':') && first != "localhost")) {
        return {std::string(image::kDefaultDomain), term};
    }
    return {first, term.substr(slash + 1)};
}

std::string printable(std::string_view text) { return escaped(text.substr(0, kMostText)); }

Result<std::vector<SearchResult>> parse_results(std::string_view json, const std::string &domain) {
    JsonDocument document = TRY(JsonDocument::parse(json, "search of " + domain));
    std::vector<SearchResult> results;
    for (const JsonCursor item : JsonCursor(document).at("results").items(kMostResults)) {
        results.push_back({.name = printable(item.need("name").view()),
                           .description = printable(item.at("description").view()),
                           .stars = item.at("star_count").number<std::uint64_t>(),
                           .is_official = item.at("is_official").boolean(),
                           .is_automated = item.at("is_automated").boolean()});
    }
    TRY(document.status());
    return results;
}

} // namespace

Result<std::vector<SearchResult>> search(const RegistrySettings &settings, const std::string &term, unsigned limit,
                                         const Credentials &credentials, std::stop_token stop) {
    const auto [domain, what] = split_term(term);
    if (what.empty() || limit == 0 || limit > kMostResults) {
        return fail(EINVAL, "search: want a term, and a limit from 1 to " + std::to_string(kMostResults));
    }
    std::vector<Endpoint> endpoints = TRY(find_endpoints(settings.hosts, domain, Purpose::kPush));
    if (domain == image::kDefaultDomain) {
        endpoints.front().url.host = "index.docker.io"; // the registry's own host cannot be searched
    }
    const std::string target = "/v1/search?q=" + http::url_encode(what) + "&n=" + std::to_string(limit);
    for (const Endpoint &endpoint : endpoints) {
        Session session(settings, endpoint, credentials, stop);
        Result<http::ClientResponse> answer = session.ask({.url = session.url(target)});
        if (answer.has_value() && answer->head.status == kOk) {
            return parse_results(answer->body, domain);
        }
        if (answer.has_value()) {
            return fail(ENOTSUP, "the registry " + domain + " does not offer a search (it answers " +
                                     std::to_string(answer->head.status) +
                                     "): look at its web page, or name the image");
        }
        if (!endpoint.has_other || answer.error().code == ECANCELED) {
            return std::unexpected(with_advice(std::move(answer.error()), domain));
        }
    }
    return fail(EIO, "no endpoint of " + domain); // find_endpoints() always has one
}

} // namespace ballast::registry
