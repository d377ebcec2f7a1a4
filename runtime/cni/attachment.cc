// SPDX-License-Identifier: Apache-2.0
#include "runtime/cni/attachment.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/json/json_cursor.h"
#include "base/quote.h"
#include "runtime/cni/names.h"

namespace ballast::cni {
namespace {

using Json = nlohmann::ordered_json;

std::string dumped(const Json &json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

bool is_argument(std::string_view text) {
    return std::ranges::none_of(text, [](char c) { return c == ';' || c == '=' || (c >= 0 && c < ' '); });
}

Dns read_dns(const JsonCursor &from) {
    return {.servers = from.at("nameservers").texts(),
            .searches = from.at("search").texts(),
            .options = from.at("options").texts()};
}

// Does the address belong to an interface inside of the container? Without a word on it, it does.
bool is_inside(const JsonCursor &address, const JsonCursor &interfaces) {
    const auto wanted = address.at("interface").optional_number<std::uint32_t>();
    if (!wanted) {
        return true;
    }
    std::uint32_t place = 0;
    for (const JsonCursor interface : interfaces.items()) {
        if (place++ == *wanted) {
            return !interface.at("sandbox").view().empty();
        }
    }
    address.at("interface").fail("there is no such interface in the list");
    return false;
}

} // namespace

Status check_attachment(const Attachment &attachment) {
    if (!is_name(attachment.container)) {
        return fail(EINVAL, quote(attachment.container) + " is no container's name for CNI");
    }
    if (!is_interface_name(attachment.interface)) {
        return fail(EINVAL, quote(attachment.interface) + " is no interface's name");
    }
    for (const auto &[name, value] : attachment.arguments) {
        if (name.empty() || !is_argument(name) || !is_argument(value)) {
            return fail(EINVAL,
                        "argument " + quote(name) + " of CNI: neither ';' nor '=' nor control characters can be in it");
        }
    }
    return {};
}

std::string arguments_text(const Attachment &attachment) {
    std::string text;
    for (const auto &[name, value] : attachment.arguments) {
        text += (text.empty() ? "" : ";") + name + "=" + value;
    }
    return text;
}

std::string wishes_json(const Wishes &wishes) {
    Json json = Json::object();
    for (const PortMapping &port : wishes.ports) {
        json["portMappings"].push_back({{"hostPort", port.host},
                                        {"containerPort", port.container},
                                        {"protocol", port.protocol},
                                        {"hostIP", port.host_address}});
    }
    if (wishes.bandwidth) {
        Json &to = json["bandwidth"];
        const Bandwidth &from = *wishes.bandwidth;
        if (from.ingress_rate != 0) {
            to["ingressRate"] = from.ingress_rate;
            to["ingressBurst"] = from.ingress_burst;
        }
        if (from.egress_rate != 0) {
            to["egressRate"] = from.egress_rate;
            to["egressBurst"] = from.egress_burst;
        }
    }
    if (wishes.dns) {
        json["dns"] = {
            {"servers", wishes.dns->servers}, {"searches", wishes.dns->searches}, {"options", wishes.dns->options}};
    }
    for (const std::vector<network::Subnet> &set : wishes.ranges) {
        Json ranges = Json::array();
        for (const network::Subnet &range : set) {
            ranges.push_back({{"subnet", range.text()}});
        }
        json["ipRanges"].push_back(std::move(ranges));
    }
    return dumped(json);
}

std::string plugin_input(const Configuration &configuration, const Plugin &plugin, std::string_view wishes,
                         std::string_view result_before) {
    Json json = Json::parse(plugin.json); // ours: written by parse_configuration()
    json.erase("capabilities");
    json["cniVersion"] = configuration.version;
    json["name"] = configuration.name;
    const Json all = Json::parse(wishes, nullptr, false);
    for (const auto &[name, value] : all.items()) {
        if (plugin.capabilities.contains(name)) {
            json["runtimeConfig"][name] = value;
        }
    }
    if (!result_before.empty()) {
        json["prevResult"] = Json::parse(result_before, nullptr, false);
    }
    return dumped(json);
}

Result<Attached> parse_attached(std::string_view json, const std::string &who) {
    Result<JsonDocument> document = JsonDocument::parse(json, who);
    if (!document.has_value()) {
        return fail(EBADMSG, document.error().message);
    }
    const JsonCursor root(*document);
    Attached attached;
    for (const JsonCursor entry : root.at("ips").items()) {
        const auto address = network::Subnet::parse(entry.need("address").view());
        if (!address) {
            entry.at("address").refuse("an address with its prefix");
        } else if (is_inside(entry, root.at("interfaces"))) {
            attached.addresses.push_back(address->address);
        }
    }
    attached.dns = read_dns(root.at("dns"));
    (void)root.members(); // an object, then
    if (const Status status = document->status(); !status.has_value()) {
        return fail(EBADMSG, status.error().message);
    }
    attached.json = json;
    return attached;
}

} // namespace ballast::cni
