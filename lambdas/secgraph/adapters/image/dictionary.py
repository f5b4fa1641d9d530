"""What documents have in common, for zlib to point at. In: nothing. Out: bytes.

Documents as ingest makes them of its sources, with what differs from one to the next left out; the most
common last. A block of documents names the dictionary that it was packed with, and can be read with no other:
to change one character is another dictionary, beside which the old one is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

NEWEST: Final = 1

_FIRST: Final = (
    '[{"_class":["AccessRole"],["AccessKey"],["User"],["DataStore"],["Function"],["Database"],'
    '["Cluster"],["Task"],["Workload"],["Container"],["Disk"],["Repository"],["Internet"],"_deleted":'
    'true,"_endOn":17,"reopenedOn":17,"_type":'
    '"aws_iam_role"aws_iam_user"aws_iam_access_key"aws_s3_bucket"aws_lambda_function"aws_ecr_image"aws_ec'
    'r_repository"aws_ecs_task"aws_eks_cluster"aws_rds_cluster"aws_ebs_volume"aws_key_pair"internal_ip"cw'
    'e-"type":"NETWORK_REACHABILITY","CODE_VULNERABILITY","portRange":"fromPort":22,"toPort":22,"port":'
    '22,"protocol":"TCP","networkPath":["detectionMechanism":"artifact":"bucketName":"encrypted":true,'
    '"classification":"userName":"principalId":"userType":"accessKeyId":"functionName":"runtime":'
    '"layers":["repositoryName":"imageTags":[""imageHash":"sha256:","inUseCount":0,"lastInUseOn":17,'
    '"cluster":"namespace":"clusterArn":"taskDefinitionArn":"filePath":"cwes":["CWE-","severity":'
    '"informational","closedOn":17,"open":false,"active":false,"status":"closed","status":"suppressed",'
    '"suppressed":true,"archived":true,"production":true,","_scope":"global","_integrationType":"aws",'
    '"displayName":"ami-0","_key":"arn:aws:ec2:us-east-1::image/ami-0","_type":"aws_ami","_createdOn":'
    '17[{"_class":["Image"],["Assessment","Scanner"],"_type":"aws_guardduty_detector","arn:aws:guardduty:'
    'eu-west-1:"category":"threat-detection","internal":true,"summary":'
    '"Amazon GuardDuty threat detection"}][{"_class":["Service","Scanner"],"displayName":'
    '"aws_inspectorv2","_key":"aws_inspectorv2:","_type":"aws_inspectorv2","category":["security"],'
    '"function":["vulnerability-scanning"]}][{"_class":["Account"],"_type":"aws_account",[{"_class":'
    '["Service"],"_key":"aws_guardduty:","_type":"aws_guardduty","function":["threat-detection"]}]"_key":'
    '"aws_ec2:","_type":"aws_ec2","category":["infrastructure"],"function":["compute"]}][{"_class":'
    '["Firewall"],"_key":"arn:aws:ec2:eu-central-1:network-acl/acl-0","_type":"aws_network_acl",'
    '[{"_class":["Gateway"],"_key":"arn:aws:ec2:ap-southeast-2:internet-gateway/igw-0","_type":'
    '"aws_internet_gateway","category":["network"],"function":["routing"],"public":true,"vpcId":'
    '"vpc-0"}][{"_class":["Network"],"_type":"aws_vpc","arn":"arn:aws:ec2:us-west-2:vpc/vpc-0","_type":'
    '"aws_subnet","arn":"arn:aws:ec2:us-east-2:subnet/subnet-0","CIDR":"10.0.","public":false,"internal":'
    'true,"subnetId":"subnet-0",[{"_class":["Firewall"],"_key":"arn:aws:ec2:us-east-1:'
    'security-group/sg-0","_type":"aws_security_group","category":"network","isStateful":true,"groupId":'
    '"sg-0","groupName":"[{"_class":["NetworkInterface"],"_key":"arn:aws:ec2:eu-west-1:'
    'network-interface/eni-0","_type":"aws_eni","privateDnsName":"ip-10-0-.eu-west-1.compute.internal",'
    '"securityGroupIds":["sg-0"],"publicDnsName":"ec2-"tag.Environment":'
    '"development"staging"production"tag.Team":"tag.Application":"tag.aws:[{"_class":["Finding"],"_type":'
    '"aws_guardduty_finding","_key":"arn:aws:guardduty:us-east-1:detector/finding/"type":'
    '"UnauthorizedAccess:EC2/SSHBruteForce"Recon:IAMUser/Discovery:S3/Impact:'
    "Kubernetes/PrivilegeEscalation:Persistence:CredentialAccess:DefenseEvasion:Exfiltration:Execution:"
    'Policy:Stealth:CryptoCurrency:Backdoor:Trojan:Runtime/Behavior:EC2/DNS","summary":"category":'
    '"event","partition":"aws","schemaVersion":"2.0","detectorId":"resourceType":'
    '"AccessKey"resourceType":"S3Bucket"resourceType":"Instance","webLink":"https:'
    '//us-east-1.console.aws.amazon.com/guardduty/home?region=us-east-1#/findings?macros=current&fId="sev'
    'erity":"high","j1_severity":"high","numericSeverity":8,"score":8,"archived":false,"open":true,'
    '"active":true,"status":"open","createdOn":17,"updatedOn":17,"firstSeenOn":17,"lastSeenOn":17,'
    '"count":1,"threatPurpose":"UnauthorizedAccess","threatCategory":"resourceTypeAffected":"EC2",'
    '"threatFamily":"serviceName":"guardduty","resourceRole":"TARGET","actionType":"NETWORK_CONNECTION",'
    '"actionType":"AWS_API_CALL","actionType":"PORT_PROBE","actionType":"DNS_REQUEST","domain":"api":'
    '"apiServiceName":".amazonaws.com","callerType":"Remote IP","connectionDirection":"INBOUND",'
    '"OUTBOUND","protocol":"TCP","localPort":22,"localPortName":"SSH","remotePort":443,"remotePortName":'
    '"Unknown","HTTPS","blocked":false,"remoteIpAddress":"198.51.100.","remoteCountry":"remoteCity":'
    '"remoteAsn":"remoteOrganization":"remoteLocation":"targets":["i-0"],"attackSource":'
    '"remoteIpAddresses":["actorIpAddresses":["}][{"_class":["Vulnerability"],"_source":'
    '"integration-managed","_scope":"global","_integrationType":"aws","displayName":"CVE-20","_key":'
    '"cve-20","_type":"cve","_createdOn":17,"_beginOn":17,"_version":1},{"discoveredBy":'
    '"aws_inspector_finding","id":"CVE-202","name":"CVE-202","category":"vulnerability","blocking":false,'
    '"open":true,"production":false,"public":true,"webLink":"https://nvd.nist.gov/vuln/detail/CVE-202",'
    '"references":["https://nvd.nist.gov/vuln/detail/CVE-202"],"severity":"critical","numericSeverity":'
    '9.8,"vector":"AV:N","sourceUrl":"https://nvd.nist.gov/vuln/detail/CVE-202","epssScore":'
    '0.00}][{"_class":["Host"],"_source":"integration-managed","_scope":"aws/","_integrationType":"aws",'
    '"displayName":"_key":"arn:aws:ec2:us-east-1:instance/i-0","_type":"aws_instance","_createdOn":17,'
    '"_beginOn":17,"_version":1},{"discoveredBy":"aws_inspector_finding","accountId":"region":'
    '"us-east-1","id":"i-0","name":"arn":"arn:aws:ec2:us-east-1:instance/i-0","instanceId":"i-0",'
    '"hostname":"i-0","instanceType":"t3.medium","m5.large","imageId":"ami-0","state":"running","active":'
    'true,"availabilityZone":"us-east-1a","ipv4Addresses":["10.0."],"privateIpAddress":"10.0.",'
    '"publicIpAddress":"privateDnsName":"ip-10-0-.ec2.internal","iamInstanceProfileArn":"arn:aws:iam::'
    'instance-profile/","vpcId":"vpc-0","subnetId":"subnet-0","securityGroupIds":["sg-0"],"launchedOn":'
    '17,"platform":"LINUX","AMAZON_LINUX_2023","tag.Name":"tag.Owner":"tag.CostCenter":"tag.Production":'
    'true,"owner":"production":true,"tags":["Production"]}][{"_class":["Finding"],"_source":'
    '"integration-managed","_scope":"aws/","_integrationType":"aws","displayName":"CVE-202 - ","_key":'
    '"arn:aws:inspector2:us-east-1:finding/","_type":"aws_inspector_finding","_createdOn":17,"_beginOn":'
    '17,"_version":1},{"discoveredBy":"aws_inspector_finding","accountId":"region":"us-east-1",'
    '"tag.CostCenter":"tag.Name":"tag.Owner":"tag.Production":true,"id":"arn":"arn:aws:inspector2:'
    'us-east-1:finding/"type":"PACKAGE_VULNERABILITY","name":"CVE-202 - ","description":"category":'
    '"host","inspectorVersion":2,"webLink":"https:'
    '//us-east-1.console.aws.amazon.com/inspector/v2/home?region=us-east-1#/findings/all","status":'
    '"active","open":true,"active":true,"suppressed":false,"createdOn":17,"firstSeenOn":17,"lastSeenOn":'
    '17,"updatedOn":17,"severity":"medium","j1_severity":"medium","rawSeverity":"MEDIUM",'
    '"numericSeverity":5.5,"score":5.5,"cvss3BaseScore":5.5,"cvssScores":["NVD=5.5"],"cvssVersion":"3.1",'
    '"cvssVector":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H","scoreSource":"NVD","fixAvailable":true,'
    '"fixStatus":"YES","exploitAvailable":false,"epssScore":0.00,"vulnerabilityId":"CVE-202","cve":'
    '"CVE-202","source":"NVD","sourceUrl":"https://nvd.nist.gov/vuln/detail/CVE-202","vendorSeverity":'
    '"HIGH","vendorCreatedOn":17,"vendorUpdatedOn":17,"references":["https:'
    '//nvd.nist.gov/vuln/detail/CVE-202"],"packageNames":["packageVersions":["packages":'
    '[""packageManagers":["OS"],"fixedInVersions":["resourceType":"AWS_EC2_INSTANCE","targets":["i-0"],'
    '"imageId":"ami-0","platform":"AMAZON_LINUX_2023"}]'
).encode("ascii")

OF_VERSION: Final[Mapping[int, bytes]] = {1: _FIRST}
