// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/reference.h"

#include <algorithm>

#include "base/json/json_tree.h"

namespace ballast::image {
namespace {

constexpr std::size_t kLongestRepository = 255;
constexpr std::size_t kLongestTag = 128;
constexpr std::size_t kIdDigits = 64;
constexpr std::string_view kOfficial = "library/";

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_letter(char c) { return is_lower(c) || (c >= 'A' && c <= 'Z'); }
bool is_small(char c) { return is_lower(c) || is_digit(c); }

// "alpha-numeric [separator alpha-numeric]*" where a separator is ".", "_", "__" or any number of "-".
bool is_path_component(std::string_view text) {
    std::size_t at = 0;
    while (at < text.size()) {
        const std::size_t start = at;
        while (at < text.size() && is_small(text[at])) {
            at++;
        }
        if (at == start) {
            return false;
        }
        if (at == text.size()) {
            return true;
        }
        const std::size_t separator = at;
        while (at < text.size() && !is_small(text[at])) {
            at++;
        }
        const std::string_view between = text.substr(separator, at - separator);
        if (between != "." && between != "_" && between != "__" &&
            between.find_first_not_of('-') != std::string::npos) {
            return false;
        }
    }
    return false; // empty, or ends in a separator
}

bool is_path(std::string_view text) {
    for (;;) {
        const std::size_t slash = text.find('/');
        if (!is_path_component(text.substr(0, slash))) {
            return false;
        }
        if (slash == std::string_view::npos) {
            return true;
        }
        text.remove_prefix(slash + 1);
    }
}

bool is_host_label(std::string_view text) {
    return !text.empty() && text.front() != '-' && text.back() != '-' &&
           std::ranges::all_of(text, [](char c) { return is_letter(c) || is_digit(c) || c == '-'; });
}

bool is_host(std::string_view text) {
    if (text.starts_with('[')) {
        return text.size() > 2 && text.ends_with(']') &&
               std::ranges::all_of(text.substr(1, text.size() - 2), [](char c) {
                   return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':';
               });
    }
    for (;;) {
        const std::size_t dot = text.find('.');
        if (!is_host_label(text.substr(0, dot))) {
            return false;
        }
        if (dot == std::string_view::npos) {
            return true;
        }
        text.remove_prefix(dot + 1);
    }
}

bool is_domain(std::string_view text) {
    const std::size_t colon = text.starts_with('[') ? text.find("]:") : text.find(':');
    if (colon == std::string_view::npos) {
        return is_host(text);
    }
    const std::size_t port_at = text.find(':', colon) + 1;
    const std::string_view port = text.substr(port_at);
    return is_host(text.substr(0, port_at - 1)) && !port.empty() && port.size() <= 5 &&
           std::ranges::all_of(port, is_digit);
}

// The first component is a domain when it could not be one of a path: it has a dot or a port, is localhost, or has
// capital letters.
bool names_domain(std::string_view first) {
    return first.find_first_of(".:[") != std::string_view::npos || first == "localhost" ||
           std::ranges::any_of(first, [](char c) { return c >= 'A' && c <= 'Z'; });
}

std::unexpected<Error> bad(std::string_view text, const std::string &why) {
    return fail(EINVAL, "invalid reference format: " + shortly_quoted(text) + ": " + why);
}

} // namespace

bool is_tag(std::string_view text) {
    const auto is_word = [](char c) { return is_letter(c) || is_digit(c) || c == '_'; };
    return !text.empty() && text.size() <= kLongestTag && is_word(text.front()) &&
           std::ranges::all_of(text, [&](char c) { return is_word(c) || c == '.' || c == '-'; });
}

Result<Reference> Reference::parse(std::string_view text) {
    if (text.empty()) {
        return fail(EINVAL, "invalid reference format: the name is empty");
    }
    Reference reference;
    std::string_view rest = text;
    if (const std::size_t at = rest.find('@'); at != std::string_view::npos) {
        Result<Digest> digest = Digest::parse(rest.substr(at + 1));
        if (!digest.has_value()) {
            return bad(text, digest.error().message);
        }
        reference.digest = std::move(*digest);
        rest = rest.substr(0, at);
    }
    // A colon behind the last slash starts the tag; before it, a port.
    const std::size_t slash = rest.rfind('/');
    const std::size_t colon = rest.find(':', slash == std::string_view::npos ? 0 : slash);
    if (colon != std::string_view::npos) {
        reference.tag = rest.substr(colon + 1);
        if (!is_tag(reference.tag)) {
            return bad(
                text,
                "a tag is 1 to 128 letters, digits, \"_\", \".\" and \"-\", and starts with none of the last two");
        }
        rest = rest.substr(0, colon);
    }
    const std::size_t first = rest.find('/');
    if (first != std::string_view::npos && names_domain(rest.substr(0, first))) {
        reference.domain = rest.substr(0, first);
        reference.path = rest.substr(first + 1);
        if (!is_domain(reference.domain)) {
            return bad(text, shortly_quoted(reference.domain) + " is no host name with an optional port");
        }
    } else {
        reference.domain = kDefaultDomain;
        reference.path = rest;
    }
    if (reference.domain == "index.docker.io") {
        reference.domain = kDefaultDomain;
    }
    if (std::ranges::any_of(reference.path, [](char c) { return c >= 'A' && c <= 'Z'; })) {
        return bad(text, "repository name must be lowercase");
    }
    if (!is_path(reference.path)) {
        return bad(
            text,
            "a repository is made of small letters and digits, with single \"/\", \".\", \"_\" or \"-\" between them");
    }
    if (reference.domain == kDefaultDomain && !reference.path.contains('/')) {
        reference.path.insert(0, kOfficial);
    }
    if (reference.domain.size() + 1 + reference.path.size() > kLongestRepository) {
        return bad(text, "repository name must not be more than 255 characters");
    }
    if (rest.size() == kIdDigits && rest.find_first_not_of("0123456789abcdef") == std::string_view::npos) {
        return bad(text, "cannot specify 64-byte hexadecimal strings as a repository, they are ids");
    }
    return reference;
}

Result<Reference> Reference::parse_with_default_tag(std::string_view text) {
    Reference reference = TRY(parse(text));
    if (reference.tag.empty() && !reference.digest) {
        reference.tag = kDefaultTag;
    }
    return reference;
}

std::string Reference::repository() const { return domain + "/" + path; }

std::string Reference::familiar_repository() const {
    if (domain != kDefaultDomain) {
        return repository();
    }
    // "library/a/b" keeps its first component: "a/b" would mean another repository.
    const bool official = path.starts_with(kOfficial) && path.find('/', kOfficial.size()) == std::string::npos;
    if (official) {
        return path.substr(kOfficial.size());
    }
    // "a.b/c" alone would name the host a.b.
    const std::size_t slash = path.find('/');
    return slash != std::string::npos && names_domain(path.substr(0, slash)) ? repository() : path;
}

namespace {
std::string with_ends(std::string name, const Reference &reference) {
    if (!reference.tag.empty()) {
        name += ":" + reference.tag;
    }
    if (reference.digest) {
        name += "@" + reference.digest->text();
    }
    return name;
}
} // namespace

std::string Reference::canonical() const { return with_ends(repository(), *this); }
std::string Reference::familiar() const { return with_ends(familiar_repository(), *this); }

Reference Reference::with_tag(std::string new_tag) const {
    return Reference{.domain = domain, .path = path, .tag = std::move(new_tag), .digest = {}};
}

Reference Reference::with_digest(const Digest &new_digest) const {
    return Reference{.domain = domain, .path = path, .tag = "", .digest = new_digest};
}

} // namespace ballast::image
