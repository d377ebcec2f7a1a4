// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/dns/resolv_conf.h"

#include <algorithm>

#include "runtime/network/address.h"

namespace ballast::dns {
namespace {

constexpr std::string_view kBlanks = " \t\r";

std::vector<std::string> words_of(std::string_view line) {
    std::vector<std::string> words;
    std::size_t start = line.find_first_not_of(kBlanks);
    while (start != std::string_view::npos) {
        const std::size_t end = std::min(line.find_first_of(kBlanks, start), line.size());
        words.emplace_back(line.substr(start, end - start));
        start = line.find_first_not_of(kBlanks, end);
    }
    return words;
}

void append_line(std::string &text, const char *key, const std::vector<std::string> &values) {
    if (values.empty()) {
        return;
    }
    text += key;
    for (const std::string &value : values) {
        text += " " + value;
    }
    text += "\n";
}

} // namespace

ResolvConf parse_resolv_conf(std::string_view text) {
    ResolvConf conf;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::vector<std::string> words = words_of(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (words.size() < 2) {
            continue;
        }
        const std::string key = std::move(words.front());
        words.erase(words.begin());
        if (key == "nameserver" && network::Address::parse(std::string_view(words[0]).substr(0, words[0].find('%')))) {
            conf.servers.push_back(words[0]);
        } else if (key == "search") {
            conf.search = std::move(words);
        } else if (key == "domain") {
            conf.search = {words[0]};
        } else if (key == "options") {
            conf.options.insert(conf.options.end(), words.begin(), words.end());
        }
    }
    return conf;
}

std::string write_resolv_conf(const ResolvConf &conf) {
    std::string text;
    for (const std::string &server : conf.servers) {
        text += "nameserver " + server + "\n";
    }
    append_line(text, "search", conf.search);
    append_line(text, "options", conf.options);
    return text;
}

bool is_loopback_server(std::string_view server) {
    const std::optional<network::Address> address = network::Address::parse(server);
    return address && address->is_loopback();
}

} // namespace ballast::dns
