"""The entities and their fields as the public API description lists them, with the rules found in the help pages.

A field is written ``name:kind`` plus flags: ``!`` required on create, ``r`` read-only, ``c`` cannot change after create.
Kinds: long (int64), int (int32), text, money (a decimal), bool, date (date-only), time (a UTC instant), udf.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

Values = dict[str, Any]
"""A record in the model's own units: see ``values``."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an entity."""

    name: str
    kind: str
    required: bool = False
    read_only: bool = False
    create_only: bool = False


@dataclass(frozen=True, slots=True)
class Entity:
    """One entity: its name in paths, its name in error texts, and what may be done with it."""

    name: str
    singular: str
    fields: Mapping[str, Field]
    by_lower: Mapping[str, Field]
    operations: frozenset[str]
    """Of: query, create, update, child_create, child_update."""
    child: str | None = None
    """Name of the collection under ``/Contracts/{id}`` (or ``/Tickets/{id}``), if any."""
    parent: str = "Contracts"
    parent_field: str = "contractID"
    has_udf: bool = False

    def blank(self) -> Values:
        """A record of which every field is null."""
        return dict.fromkeys(self.fields)


def _fields(text: str) -> Mapping[str, Field]:
    found: dict[str, Field] = {}
    for word in text.split():
        name, kind, *rest = word.split(":")
        flags = rest[0] if rest else ""
        found[name] = Field(name, kind, "!" in flags, "r" in flags, "c" in flags)
    return MappingProxyType(found)


def _entity(
    name: str,
    singular: str,
    operations: str,
    fields: str,
    child: str | None = None,
    parent: str = "Contracts",
    parent_field: str = "contractID",
) -> Entity:
    parsed = _fields(fields)
    lower = MappingProxyType({key.lower(): value for key, value in parsed.items()})
    return Entity(
        name,
        singular,
        parsed,
        lower,
        frozenset(operations.split()),
        child,
        parent,
        parent_field,
        "userDefinedFields" in parsed,
    )


_ALL = (
    _entity(
        "Companies",
        "Company",
        "query create update",
        """id:long:r additionalAddressInformation:text address1:text address2:text alternatePhone1:text
        alternatePhone2:text apiVendorID:int:r assetValue:money billToCompanyLocationID:int
        billToAdditionalAddressInformation:text billingAddress1:text billingAddress2:text billToAddressToUse:int
        billToAttention:text billToCity:text billToCountryID:int billToState:text billToZipCode:text city:text
        classification:int companyCategoryID:int companyName:text:! companyNumber:text companyType:int:!
        competitorID:int countryID:int createDate:time:r createdByResourceID:int:r currencyID:int fax:text
        impersonatorCreatorResourceID:int:r invoiceEmailMessageID:int invoiceMethod:int
        invoiceNonContractItemsToParentCompany:bool invoiceTemplateID:int isActive:bool isClientPortalActive:bool
        isEnabledForComanaged:bool isSample:bool isTaskFireActive:bool isTaxExempt:bool lastActivityDate:time:r
        lastTrackedModifiedDateTime:time:r marketSegmentID:int ownerResourceID:int:! parentCompanyID:int phone:text:!
        postalCode:text purchaseOrderTemplateID:int quoteEmailMessageID:int quoteTemplateID:int sicCode:text
        state:text stockMarket:text stockSymbol:text surveyCompanyRating:money taxID:text taxRegionID:int
        territoryID:int webAddress:text userDefinedFields:udf""",
    ),
    _entity(
        "Contracts",
        "Contract",
        "query create update",
        """id:long:r billingPreference:int billToCompanyContactID:int billToCompanyID:int companyID:int:!c contactID:int
        contactName:text contractCategory:int contractExclusionSetID:int contractName:text:! contractNumber:text
        contractPeriodType:int:c contractType:int:!c description:text endDate:date:! estimatedCost:money
        estimatedHours:money estimatedRevenue:money exclusionContractID:long:c
        internalCurrencyOverageBillingRate:money:r internalCurrencySetupFee:money:r isCompliant:bool
        isDefaultContract:bool lastModifiedDateTime:time:r opportunityID:int organizationalLevelAssociationID:int
        overageBillingRate:money purchaseOrderNumber:text renewedContractID:long serviceLevelAgreementID:int
        setupFee:money setupFeeBillingCodeID:long startDate:date:! status:int:!
        timeReportingRequiresStartAndStopTimes:int:! userDefinedFields:udf""",
    ),
    _entity(
        "ContractServices",
        "ContractService",
        "query child_create child_update",
        """id:long:r contractID:int:!c internalCurrencyAdjustedPrice:money internalCurrencyUnitPrice:money:r
        internalDescription:text invoiceDescription:text quoteItemID:long:c serviceID:int:!c unitCost:money:c
        unitPrice:money:r""",
        child="Services",
    ),
    _entity(
        "ContractServiceUnits",
        "ContractServiceUnit",
        "query",
        """id:long:r approveAndPostDate:time:r contractID:int:r contractServiceID:int:r cost:money:r endDate:date:r
        internalCurrencyPrice:money:r organizationalLevelAssociationID:int:r price:money:r serviceID:int:r
        startDate:date:r units:int:r vendorCompanyID:int:r""",
        child="ServiceUnits",
    ),
    _entity(
        "ContractServiceAdjustments",
        "ContractServiceAdjustment",
        "create child_create",
        """id:long adjustedUnitCost:money adjustedUnitPrice:money allowRepeatService:bool contractID:int
        contractServiceID:int effectiveDate:date:! quoteItemID:int serviceID:int unitChange:int""",
        child="ServiceAdjustments",
    ),
    _entity(
        "ContractNotes",
        "ContractNote",
        "query child_create child_update",
        """id:long:r contractID:int:!c createDateTime:time:r creatorResourceID:int:r description:text:!
        impersonatorCreatorResourceID:int:r impersonatorUpdaterResourceID:int:r lastActivityDate:time:r title:text:!""",
        child="Notes",
    ),
    _entity(
        "ContractBillingRules",
        "ContractBillingRule",
        "query child_create child_update",
        """id:long:r contractID:int:!c createChargesAsBillable:bool:! dailyProratedCost:money dailyProratedPrice:money
        determineUnits:int:! endDate:date executionMethod:int includeItemsInChargeDescription:bool:!
        invoiceDescription:text isActive:bool:! isDailyProrationEnabled:bool:! maximumUnits:int minimumUnits:int
        productID:int:! startDate:date:!""",
        child="BillingRules",
    ),
    _entity(
        "Services",
        "Service",
        "query create update",
        """id:long:r billingCodeID:int:! createDate:time:r creatorResourceID:int:r description:text
        invoiceDescription:text isActive:bool lastModifiedDate:time:r markupRate:money name:text:! periodType:int:!c
        serviceLevelAgreementID:long unitCost:money unitPrice:money:! updateResourceID:int:r vendorCompanyID:int
        manufacturerServiceProvider:text manufacturerServiceProviderProductNumber:text catalogNumberPartNumber:text
        sku:text internalID:text externalID:text url:text userDefinedFields:udf""",
    ),
    _entity(
        "BillingItems",
        "BillingItem",
        "query update",
        """id:long:r accountManagerWhenApprovedID:int:r billingCodeID:int:r taxCategoryID:int:r billingItemType:int:r
        companyID:int:r configurationItemID:long:r contractBlockID:int:r contractChargeID:long:r contractID:int:r
        contractServiceAdjustmentID:int:r contractServiceBundleAdjustmentID:int:r contractServiceBundleID:int:r
        contractServiceBundlePeriodID:int:r contractServiceID:int:r contractServicePeriodID:int:r description:text:r
        expenseItemID:int:r extendedPrice:money:r internalCurrencyExtendedPrice:money:r internalCurrencyRate:money:r
        internalCurrencyTaxDollars:money:r internalCurrencyTotalAmount:money:r invoiceID:int:r itemApproverID:int:r
        itemDate:date:r itemName:text:r lineItemFullDescription:text:r lineItemGroupDescription:text:r
        milestoneID:long:r nonBillable:int:r organizationalLevelAssociationID:int:r ourCost:money:r postedDate:date:r
        postedOnTime:time:r projectChargeID:long:r projectID:int:r purchaseOrderNumber:text:r quantity:money:r
        rate:money:r roleID:int:r serviceBundleID:long:r serviceID:long:r sortOrderID:long:r subType:int:r taskID:int:r
        taxDollars:money:r ticketChargeID:long:r ticketID:int:r timeEntryID:int:r totalAmount:money:r vendorID:long:r
        webServiceDate:time""",
    ),
    _entity(
        "BillingCodes",
        "BillingCode",
        "query",
        """id:long:r afterHoursWorkType:int:r billingCodeType:int:r department:int:r description:text:r
        externalNumber:text:r generalLedgerAccount:int:r isActive:bool:r isExcludedFromNewContracts:bool:r
        markupRate:money:r name:text:r taxCategoryID:int:r unitCost:money:r unitPrice:money:r useType:int:r""",
    ),
    _entity(
        "InternalLocations",
        "InternalLocation",
        "query",
        """id:long:r additionalAddressInfo:text:r address1:text:r address2:text:r city:text:r country:text:r
        holidaySetId:long:r isDefault:bool:r name:text:r postalCode:text:r state:text:r timeZone:text:r""",
    ),
    _entity(
        "Tickets",
        "Ticket",
        "query create update",
        """id:long:r apiVendorID:int assignedResourceID:int assignedResourceRoleID:int billingCodeID:int
        changeApprovalBoard:int changeApprovalStatus:int changeApprovalType:int changeInfoField1:text
        changeInfoField2:text changeInfoField3:text changeInfoField4:text changeInfoField5:text companyID:int:!
        companyLocationID:int completedByResourceID:int:r completedDate:time:r configurationItemID:int contactID:int
        contractID:int contractServiceBundleID:long contractServiceID:long createDate:time:r createdByContactID:int
        creatorResourceID:int:r creatorType:int:r currentServiceThermometerRating:int description:text dueDateTime:time
        estimatedHours:money externalID:text firstResponseAssignedResourceID:int firstResponseDateTime:time
        firstResponseDueDateTime:time firstResponseInitiatingResourceID:int hoursToBeScheduled:money
        impersonatorCreatorResourceID:int:r isAssignedToComanaged:bool issueType:int isVisibleToComanaged:bool
        lastActivityDate:time:r lastActivityPersonType:int:r lastActivityResourceID:int:r
        lastCustomerNotificationDateTime:time:r lastCustomerVisibleActivityDateTime:time:r
        lastTrackedModificationDateTime:time:r monitorID:long monitorTypeID:int opportunityID:int
        organizationalLevelAssociationID:int previousServiceThermometerRating:int priority:int:! problemTicketId:int
        projectID:int purchaseOrderNumber:text queueID:int resolution:text resolutionPlanDateTime:time
        resolutionPlanDueDateTime:time resolvedDateTime:time resolvedDueDateTime:time rmaStatus:int rmaType:int
        rmmAlertID:text serviceLevelAgreementHasBeenMet:bool serviceLevelAgreementID:int
        serviceLevelAgreementPausedNextEventHours:money serviceThermometerTemperature:int source:int status:int:!
        subIssueType:int ticketCategory:int ticketNumber:text:r ticketType:int title:text:! userDefinedFields:udf""",
    ),
    _entity(
        "TicketNotes",
        "TicketNote",
        "query child_create child_update",
        """id:long:r createDateTime:time:r createdByContactID:int creatorResourceID:int:r description:text:!
        impersonatorCreatorResourceID:int:r impersonatorUpdaterResourceID:int:r lastActivityDate:time:r noteType:int:!
        publish:int:! ticketID:int:!c title:text""",
        child="Notes",
        parent="Tickets",
        parent_field="ticketID",
    ),
)

ENTITIES: Mapping[str, Entity] = MappingProxyType({one.name.lower(): one for one in _ALL})
"""By name in lower case: paths are case-insensitive."""

CHILDREN: Mapping[tuple[str, str], Entity] = MappingProxyType(
    {(one.parent.lower(), one.child.lower()): one for one in _ALL if one.child}
)
"""By (parent, collection) in lower case."""

PERIOD_TYPES: Mapping[int, tuple[str, int]] = MappingProxyType(
    {2: ("Monthly", 1), 3: ("Quarterly", 3), 4: ("Semi-Annual", 6), 5: ("Yearly", 12)}
)
"""contractPeriodType → (label, months); live metadata of one tenant."""

RECURRING_SERVICE = 7
"""contractType of the only contracts that take services (ContractServiceAdjustmentsEntity)."""

PICKLISTS: Mapping[tuple[str, str], tuple[tuple[str, str], ...]] = MappingProxyType(
    {
        ("Contracts", "contractPeriodType"): tuple((str(k), v[0]) for k, v in PERIOD_TYPES.items()),
        ("Services", "periodType"): tuple((str(k), v[0]) for k, v in PERIOD_TYPES.items()),
        ("Contracts", "status"): (("0", "Inactive"), ("1", "Active")),
        ("Contracts", "contractType"): (("1", "Time & Materials"), ("7", "Recurring Service")),
        ("Companies", "companyType"): (("1", "Customer"), ("3", "Prospect"), ("6", "Vendor")),
    }
)
"""Picklists by (entity, field): values are strings in metadata and integers in records."""
