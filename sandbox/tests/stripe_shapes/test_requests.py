"""Requests that Stripe would know pass; each way of damaging one is told, with its place."""

from urllib.parse import quote

import pytest

from sandbox.stripe_shapes.requests import complaints, decode_form

SESSION = (
    "mode=payment&ui_mode=hosted_page&customer=cus_1&client_reference_id=17&line_items[0][price]=price_1"
    "&line_items[0][quantity]=1&success_url=https://cleverai.example/&adaptive_pricing[enabled]=false"
    "&allowed_payment_method_types[0]=card&metadata[wallet]=17&payment_intent_data[metadata][wallet]=17"
    "&expires_at=1900000000&expand[0]=line_items"
)


def told(method: str, path: str, form: str = "") -> list[str]:
    return complaints(method, path, decode_form(form))


@pytest.mark.parametrize(
    ("method", "path", "form"),
    [
        ("post", "/v1/checkout/sessions", SESSION),
        ("get", "/v1/checkout/sessions/cs_1", "expand[]=line_items&expand[]=payment_intent.latest_charge"),
        ("get", "/v1/checkout/sessions/cs_1/line_items", "limit=100"),
        ("get", "/v1/events", "types[]=invoice.paid&types[]=refund.created&created[gte]=1&starting_after=evt_1"),
        ("get", "/v1/events", "created=1"),
        ("get", "/v1/invoice_payments", "payment[type]=payment_intent&payment[payment_intent]=pi_1"),
        ("get", "/v1/charges", "expand[]=data.balance_transaction"),
        ("post", "/v1/subscriptions/sub_1", "cancel_at_period_end=true&metadata="),
        ("delete", "/v1/subscriptions/sub_1", ""),
        ("post", "/v1/refunds", "payment_intent=pi_1&amount=500&reason=requested_by_customer"),
        ("post", "/v1/test_helpers/test_clocks/clock_1/advance", "frozen_time=1900000000"),
        ("post", "/v1/prices", "currency=usd&product=prod_1&unit_amount_decimal=12.5&recurring[interval]=month"),
        ("delete", "/v1/customers/cus_1", ""),
    ],
)
def test_what_stripe_documents_passes(method: str, path: str, form: str) -> None:
    assert told(method, path, form) == []


@pytest.mark.parametrize(
    ("method", "path"),
    [("get", "/v1/purchases"), ("put", "/v1/refunds"), ("delete", "/v1/refunds/re_1"), ("get", "/v1/refunds/re_1/x")],
)
def test_a_route_that_stripe_does_not_have_is_told(method: str, path: str) -> None:
    assert told(method, path) == [f"{method.upper()} {path}: Stripe has no such route"]


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        ("payment_method_types[0]=card", "payment_method_types: Stripe has no such parameter"),
        ("line_items[0][amount]=5", "line_items[0][amount]: Stripe has no such parameter"),
        ("line_items[0][quantity]=1.5", "line_items[0][quantity]: '1.5' is no int"),
        ("adaptive_pricing[enabled]=False", "adaptive_pricing[enabled]: 'False' is no bool"),
        ("mode=purchase", "mode: 'purchase' is none of 'payment', 'setup', 'subscription'"),
        ("ui_mode=hosted", "ui_mode: 'hosted' is none of 'elements', 'embedded_page', 'form', 'hosted_page'"),
        ("customer_update=auto", "customer_update: expected a group, got 'auto'"),
        ("tax_id_collection[required]=never", "tax_id_collection[enabled]: missing"),
        ("custom_fields=none", "custom_fields: expected an array, got 'none'"),
        ("discounts[1][coupon]=half", "discounts: expected an array, got {'1': {'coupon': 'half'}}"),
        ("customer_email[0]=alice", "customer_email: {'0': 'alice'} is no str"),
    ],
)
def test_a_damaged_parameter_is_told_with_its_place(damage: str, complaint: str) -> None:
    assert told("post", "/v1/checkout/sessions", f"{SESSION}&{damage}") == [complaint]


def test_a_required_parameter_left_out_is_told() -> None:
    assert told("post", "/v1/test_helpers/test_clocks") == ["frozen_time: missing"]
    assert told("post", "/v1/billing_portal/configurations", "features[customer_update][enabled]=false") == []
    assert told("post", "/v1/billing_portal/configurations", "features[invoice_history][x]=1") == [
        "features[invoice_history][x]: Stripe has no such parameter",
        "features[invoice_history][enabled]: missing",
    ]


@pytest.mark.parametrize(
    ("name", "allowed"),
    [("api_key", False), ("idempotency_key", False), ("stripe_account", False), ("metadata[api_key]", True)],
)
def test_the_options_of_a_call_are_no_parameters(name: str, allowed: bool) -> None:
    assert (told("post", "/v1/customers", f"{name}=x") == []) is allowed


@pytest.mark.parametrize("path", ["url", "customers", "payment_intent.latest", "line_items.data.price.unit_amount"])
def test_what_can_not_be_expanded_is_told(path: str) -> None:
    assert len(told("get", "/v1/checkout/sessions/cs_1", f"expand[]={path}")) == 1


def test_in_a_list_expansion_starts_at_its_data() -> None:
    assert told("get", "/v1/checkout/sessions", "expand[]=data.line_items") == []
    assert told("get", "/v1/checkout/sessions", "expand[]=line_items") == [
        "expand: nothing is called 'line_items' in 'line_items'"
    ]


def test_expansion_ends_at_the_fourth_level() -> None:
    path = "data.subscription.latest_invoice.customer.default_source"

    assert told("get", "/v1/checkout/sessions", f"expand[]={path}") == [f"expand: {path!r} is deeper than 4"]


@pytest.mark.parametrize(("limit", "fits"), [(0, False), (1, True), (100, True), (101, False)])
def test_a_page_has_one_to_a_hundred_objects(limit: int, fits: bool) -> None:
    assert (told("get", "/v1/refunds", f"limit={limit}") == []) is fits


@pytest.mark.parametrize(
    ("metadata", "fits"),
    [
        ({"k" * 40: "v" * 500}, True),
        ({"k" * 41: "v"}, False),
        ({"k": "v" * 501}, False),
        ({str(n): "v" for n in range(50)}, True),
        ({str(n): "v" for n in range(51)}, False),
    ],
)
def test_metadata_has_its_limits(metadata: dict[str, str], fits: bool) -> None:
    form = "&".join(f"metadata[{key}]={value}" for key, value in metadata.items())

    assert (told("post", "/v1/customers", form) == []) is fits


@pytest.mark.parametrize(
    ("form", "params"),
    [
        ("", {}),
        ("a=1&b=", {"a": "1", "b": ""}),
        ("a[b][c]=1&a[b][d]=2", {"a": {"b": {"c": "1", "d": "2"}}}),
        ("a[]=1&a[]=2", {"a": {"0": "1", "1": "2"}}),
        ("a[0][b]=1&a[0][c]=2&a[1][b]=3", {"a": {"0": {"b": "1", "c": "2"}, "1": {"b": "3"}}}),
        (f"{quote('a[b]')}={quote('ä & [c]=d')}", {"a": {"b": "ä & [c]=d"}}),
    ],
)
def test_a_form_is_decoded_into_groups(form: str, params: object) -> None:
    assert decode_form(form) == params


@pytest.mark.parametrize("form", ["a[=1", "a]=1", "[a]=1", "a[b]c=1", "a=1&a[b]=2", "a[b]=1&a=2"])
def test_a_form_that_contradicts_itself_is_refused(form: str) -> None:
    with pytest.raises(ValueError, match=r"names no parameter|both a"):
        decode_form(form)
